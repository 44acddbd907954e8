"""A report says what rows without labels brought, and how right labels for them were."""

import numpy as np
import pytest

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Shift
from autosft.report.unlabeled import PseudoLabel, unlabeled_of
from tests.report.conftest import NARROW, PROBLEMS, probabilities

CLASSIFICATION = [PROBLEMS["classification"]]
TRUTH = [0, 1] * 10


@pytest.fixture
def learned(story):
    """A run with a trial that learned from 300 rows without labels, and answers one of 20 rows wrong: an "a"."""
    recipe = Recipe(backbone=NARROW, strategy="learner")
    story.trial(0.95, recipe=recipe, unlabeled=300, pseudo_labels={"a": 90, "b": 110}, seconds=12.0)
    story.answers[2] = probabilities(TRUTH, 2, wrong=(4,))
    return story


def test_the_best_trial_with_them_is_compared_with_the_best_without_on_the_same_rows(learned):
    found = unlabeled_of(learned.write(), CLASSIFICATION)
    assert found and found.best and found.without and found.difference
    assert (found.best.number, found.without.number, found.trials, found.seconds) == (2, 0, 1, 12.0)
    assert found.difference.mean == pytest.approx(0.10) and found.difference.rows == 20
    assert -0.1 <= found.difference.low < found.difference.mean < found.difference.high <= 0.35


def test_of_each_label_it_is_counted_how_many_rows_were_given_it_and_how_many_known_ones_rightly(learned):
    found = unlabeled_of(learned.write(), CLASSIFICATION)
    assert found and found.used == 200
    assert found.labels == (PseudoLabel("b", 110, 11, 10), PseudoLabel("a", 90, 9, 9))


def test_several_labels_of_a_row_count_each(story):
    story.problem, story.targets = "multilabel", [("a",), ("a", "b")] * 30
    story.records[0] = story.records[0].model_copy(update={"unlabeled": 5, "pseudo_labels": {"a": 4, "b": 2}})
    story.answers = {0: np.array([[0.9, 0.1], [0.9, 0.1]] * 10)}
    found = unlabeled_of(story.write(), [PROBLEMS["multilabel"]])
    assert found and found.labels[0] == PseudoLabel("a", 4, 20, 20) and found.labels[1].answered == 0


def test_the_page_tells_it_with_the_drift(learned, page):
    shift = Shift(auroc=0.81, interval=(0.72, 0.9), rows=160)
    learned.result = {**(learned.result or {}), "shift": {"unlabeled": shift}}
    text = page(learned)
    part = text[text.index('id="unlabeled"') : text.index('id="mattered"')]
    assert "learner on tiny/narrow" in part and "+0.1000" in part and "AUROC of 0.81" in part
    assert "cannot tell whether the rows without labels helped" in part
    assert '<th scope="row">b</th>' in part and "90.9 %" in part and 'href="#unlabeled"' in text


def test_without_stored_answers_scores_are_all_that_is_told(learned, page):
    del learned.answers[2]
    text = page(learned)
    assert "learner on tiny/narrow: 0.9500" in text.replace("\n", " ") and "95 % interval of" not in text
    assert unlabeled_of(learned.write(), CLASSIFICATION).difference is None


def test_a_run_without_such_rows_has_no_such_part(story, page):
    assert 'id="unlabeled"' not in page(story)

"""The rule that is chosen fits the score, and a label with few rows borrows from the others."""

import numpy as np
import pytest

from autosft.training.metrics import MULTILABEL
from autosft.training.thresholds import BORROWED, CUTS, LabelRule, choose_rule

HALF = LabelRule(np.full(4, 0.5))


def scored(metric, truth, rule, probabilities):
    compared = {"truth": truth, "answered": rule.predicted(probabilities), "probabilities": probabilities}
    return MULTILABEL[metric].score(compared)


@pytest.fixture
def rows():
    """A function that draws truth and calibrated probabilities of labels that are ever rarer."""

    def draw(count, seed=0):
        random = np.random.default_rng(seed)
        probabilities = random.beta(0.3, [0.6, 1.5, 4.0, 12.0], size=(count, 4))
        return random.random((count, 4)) < probabilities, probabilities

    return draw


@pytest.mark.parametrize("metric", MULTILABEL)
def test_on_new_rows_the_rule_scores_as_high_as_one_half_or_higher(rows, metric):
    new = rows(20_000, seed=1)
    rule = choose_rule(MULTILABEL[metric], *rows(2000), HALF)
    scores = [scored(metric, new[0], one, new[1]) for one in (rule, HALF)]
    assert scores[0] >= scores[1] - 0.003
    if metric.startswith("f1"):
        assert scores[0] > scores[1] + 0.01


def test_with_right_probabilities_all_labels_share_the_threshold_of_the_highest_micro_f1(rows):
    """Which is half of that F1 (Lipton et al., 2014)."""
    truth, probabilities = rows(50_000)
    rule = choose_rule(MULTILABEL["f1_micro"], truth, probabilities, HALF)
    f1 = scored("f1_micro", truth, rule, probabilities)
    np.testing.assert_allclose(rule.thresholds, f1 / 2, atol=0.1)


def test_a_label_without_positive_rows_takes_the_common_threshold(rows):
    truth, probabilities = rows(3000)
    none = np.zeros((3000, 1), dtype=bool)
    more = np.hstack([truth, none]), np.hstack([probabilities, probabilities[:, :1]])
    for metric in ("f1_micro", "f1_macro"):
        thresholds = choose_rule(MULTILABEL[metric], *more, HALF).thresholds
        assert thresholds[:4].min() <= thresholds[4] <= thresholds[:4].max()


def test_a_label_with_few_positive_rows_borrows_and_one_with_many_does_not(rows):
    truth, probabilities = rows(4000)
    few, many = 3, int(20 * BORROWED)
    for count in (few, many):
        own = np.zeros((4000, 1))
        own[:count] = 0.02  # its own best threshold is far below the common one
        marked = np.zeros((4000, 1), dtype=bool)
        marked[:count] = True
        thresholds = choose_rule(
            MULTILABEL["f1_macro"], np.hstack([truth, marked]), np.hstack([probabilities, own]), HALF
        )
        assert (thresholds.thresholds[4] <= 0.02) == (count == many)


def test_no_positive_row_at_all_leaves_the_default():
    assert choose_rule(MULTILABEL["f1_micro"], np.zeros((9, 4), dtype=bool), np.full((9, 4), 0.3), HALF) is HALF


def test_a_perfect_order_is_cut_in_the_middle_of_the_gap():
    truth = np.repeat([[True], [False]], 10, axis=0)
    for metric in set(MULTILABEL) - {"f1_samples", "jaccard_samples"}:  # to them a row without labels has none to lose
        rule = choose_rule(MULTILABEL[metric], truth, np.where(truth, 0.8, 0.2), LabelRule(np.array([0.5])))
        assert rule.thresholds[0] == pytest.approx(0.5, abs=0.03)
        assert (rule.predicted(np.where(truth, 0.8, 0.2)) == truth).all()


def test_the_most_probable_label_is_always_given_where_that_scores_higher():
    draw = np.random.default_rng(0)
    probabilities = draw.dirichlet(np.ones(6), 600)
    chosen = (probabilities.cumsum(1) > draw.random((600, 1))).argmax(1)
    one = np.arange(6) == chosen[:, None]
    assert choose_rule(MULTILABEL["accuracy"], one, probabilities, HALF).top
    assert not choose_rule(MULTILABEL["accuracy"], one & (draw.random((600, 1)) < 0.3), 0.3 * probabilities, HALF).top


def test_the_cuts_grow_and_are_probabilities():
    assert (np.diff(CUTS) > 0).all() and 0 < CUTS[0] < 0.001 and 0.99 < CUTS[-1] < 1

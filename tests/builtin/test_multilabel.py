"""`MultiLabel` keeps the contract of a problem under every loss, and its thresholds fit the score that is asked for."""

import numpy as np
import pytest
import torch

from autosft.builtin.multilabel import LOSSES, MultiLabel
from autosft.contracts.problem import Outputs
from autosft.contracts.recipe import Recipe
from autosft.errors import BadInput
from autosft.testing.conformance import ProblemConformance
from autosft.training.label_losses import label_loss

PROBLEM = MultiLabel()


def with_loss(loss):
    return Recipe(backbone="any/any", strategy="any", own={"multilabel": {"loss": loss}})


def answers(*probabilities):
    return Outputs({"probabilities": np.array(probabilities)})


class TestMultiLabel(ProblemConformance):
    @pytest.fixture
    def problem(self):
        return MultiLabel()

    @pytest.fixture(params=LOSSES)
    def recipe(self, request):
        return with_loss(request.param)

    @pytest.fixture
    def targets(self):
        return [("up",), ("right", "up"), (), ("right",), ("up",), ("rare", "right"), ("up",), ()]


def test_labels_are_learned_with_their_counts():
    state = PROBLEM.fit([("b", "a"), (), ("b",), "b"])
    assert (state.values["classes"], state.values["counts"], state.values["unlabeled"]) == (["a", "b"], [1, 3], 1)
    assert PROBLEM.describe(state) == "2 labels: a, b; 1.00 per row, 1 rows without any"


@pytest.mark.parametrize("targets", [[("a",), ("a",)], [(), ()], []])
def test_rows_that_all_have_the_same_labels_are_refused(targets):
    with pytest.raises(BadInput, match="the same labels"):
        PROBLEM.fit(targets)


def test_a_target_that_is_no_set_of_labels_is_refused():
    with pytest.raises(BadInput, match=r"1\.5 is no set of labels"):
        PROBLEM.strata([("a",), 1.5])


def test_a_label_without_training_rows_is_always_wrong_and_never_fatal():
    state = PROBLEM.fit([("a",), ("b",)])
    given = answers([0.9, 0.1], [0.9, 0.1])
    assert PROBLEM.encode([("a", "new"), ("new",)], state).tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert PROBLEM.score("accuracy", given, [("a",), ("a", "new")], state) == 0.5
    assert PROBLEM.score("f1_micro", given, [("a",), ("a", "new")], state) == 4 / 5
    assert PROBLEM.score("f1_macro", given, [("a",), ("a", "new")], state) == 1 / 2
    for metric in PROBLEM.metrics:
        assert np.isfinite(PROBLEM.score(metric, given, [("new",), ("newer", "new")], state))


def test_answers_are_lists_of_labels_maybe_empty():
    state = PROBLEM.fit([("a",), ("b",)])
    assert PROBLEM.decide(answers([0.9, 0.5], [0.4, 0.1]), state) == [["a", "b"], []]


def test_tuned_thresholds_are_kept_in_the_state_and_score_higher():
    draw = np.random.default_rng(0)
    truth = draw.random((300, 3)) < [0.5, 0.2, 0.05]
    targets = [tuple(np.array(["x", "y", "z"])[row]) for row in truth]
    given = answers(*np.clip(0.2 * truth + 0.3 * draw.random((300, 3)), 0, 1))
    state = PROBLEM.fit(targets)
    for metric in ("f1_micro", "f1_macro"):
        tuned = PROBLEM.tune(metric, given, targets, state)
        assert (tuned.arrays["thresholds"] < 0.5).all()
        assert PROBLEM.score(metric, given, targets, tuned) > 0.5 > PROBLEM.score(metric, given, targets, state)


def test_where_every_row_has_a_label_the_most_probable_one_is_given():
    targets = [("a",), ("b",), ("c",)] * 20
    given = answers(*[[0.5, 0.3, 0.2], [0.2, 0.4, 0.35], [0.3, 0.32, 0.33]] * 20)
    state = PROBLEM.tune("accuracy", given, targets, PROBLEM.fit(targets))
    assert PROBLEM.decide(given, state) == [list(target) for target in targets]


@pytest.mark.parametrize("loss", ["bce", "weighted_bce", "asymmetric", "focal"])
@pytest.mark.parametrize("weight", [0.03, 0.3, 0.8])
def test_the_score_of_the_lowest_expected_loss_stands_for_the_right_probability(loss, weight):
    kind, scores = label_loss(loss, torch.tensor([3.0])), torch.linspace(-8, 8, 3201)[:, None]
    yes, no = (kind.loss(scores, torch.full_like(scores, value)) for value in (1.0, 0.0))
    best = (weight * yes + (1 - weight) * no).argmin()
    assert float(kind.probabilities(scores[best : best + 1])) == pytest.approx(weight, abs=0.005)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_higher_score_is_a_higher_probability(loss):
    reach = 5 if loss == "focal" else 12  # beyond it the focal loss is surer than single precision can tell
    probabilities = label_loss(loss, torch.tensor([2.0])).probabilities(torch.linspace(-reach, reach, 200)[:, None])
    assert (probabilities.diff(dim=0) > 0).all() and probabilities.min() >= 0 and probabilities.max() <= 1


def test_multilabel_softmax_is_binary_cross_entropy_for_one_label_and_its_definition_for_several():
    scores, targets = torch.tensor([[0.7, -1.2, 0.1]]), torch.tensor([[1.0, 0.0, 0.0]])
    zlpr, bce = (label_loss(name, torch.ones(3)) for name in ("zlpr", "bce"))
    torch.testing.assert_close(zlpr.loss(scores[:, :1], targets[:, :1]), bce.loss(scores[:, :1], targets[:, :1]))
    written_out = np.log1p(np.exp(-1.2) + np.exp(0.1)) + np.log1p(np.exp(-0.7))
    assert float(zlpr.loss(scores, targets)) == pytest.approx(written_out, rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_extreme_scores_have_finite_losses_and_slopes(loss):
    kind = label_loss(loss, torch.ones(2))
    scores = torch.tensor([[90.0, -90.0], [-90.0, 90.0]], requires_grad=True)
    value = kind.loss(scores, torch.tensor([[1.0, 0.0], [1.0, 0.0]])).sum()
    value.backward()
    assert torch.isfinite(value) and scores.grad is not None and torch.isfinite(scores.grad).all()
    assert torch.isfinite(kind.probabilities(scores.detach())).all()

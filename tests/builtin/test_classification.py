"""`Classification` keeps the contract of a problem under every loss, and its probabilities stay what they say."""

import numpy as np
import pytest
import torch

from autosft.builtin.classification import LOSSES, Classification
from autosft.contracts.problem import Outputs
from autosft.contracts.recipe import Recipe, Regular
from autosft.contracts.tensors import Batch
from autosft.errors import BadInput
from autosft.testing.conformance import ProblemConformance


def with_loss(loss, balance):
    own = {"classification": {"loss": loss}}
    return Recipe(backbone="any/any", strategy="any", own=own, regular=Regular(balance=balance))


def probabilities(problem, scores, state, recipe):
    batch = Batch(None, (), tuple(map(str, range(len(scores)))), torch.ones(len(scores)))
    return problem.outputs(scores.detach(), batch, state, recipe, None).arrays["probabilities"]


class TestClassification(ProblemConformance):
    @pytest.fixture
    def problem(self):
        return Classification()

    @pytest.fixture(
        params=[(loss, balance) for loss in LOSSES for balance in ("none", "loss", "sampling")], ids="-".join
    )
    def recipe(self, request):
        return with_loss(*request.param)

    @pytest.fixture
    def targets(self):
        return ["ant", "bee", "cat", "bee", "ant", "cat", "ant"]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("balance", ["none", "loss"])
def test_the_scores_of_the_lowest_expected_loss_stand_for_the_right_probabilities(loss, balance):
    problem, recipe, weights = Classification(), with_loss(loss, balance), torch.tensor([0.8, 0.15, 0.05])
    state = problem.fit(["a"] * 80 + ["b"] * 15 + ["c"] * 5)
    scores = torch.zeros(1, 3, requires_grad=True)
    optimizer = torch.optim.LBFGS([scores], max_iter=100, line_search_fn="strong_wolfe")

    def expected():
        optimizer.zero_grad()
        value = (weights * problem.loss(scores.expand(3, 3), torch.arange(3), state, recipe)).sum()
        value.backward()
        return value

    optimizer.step(expected)
    np.testing.assert_allclose(probabilities(problem, scores, state, recipe)[0], weights, atol=0.002)
    if balance != "none" or loss != "cross_entropy":
        assert not np.allclose(scores.detach().softmax(1)[0], weights, atol=0.05)


def test_what_rare_classes_gain_by_sampling_is_undone_in_the_probabilities():
    problem, targets = Classification(), ["a"] * 90 + ["b"] * 10
    state = problem.fit(targets)
    sampling_weights = problem.sampling_weights(targets, state)
    assert sampling_weights[:90].sum() == pytest.approx(
        sampling_weights[90:].sum(), rel=0.05
    ) and sampling_weights.mean() == pytest.approx(1.0)
    drawn = torch.tensor(
        [[sampling_weights[0] * 0.7, sampling_weights[-1] * 0.3]]
    ).log()  # what a model learns from rows that are drawn so
    given = probabilities(problem, drawn, state, with_loss("cross_entropy", "sampling"))
    np.testing.assert_allclose(given, [[0.7, 0.3]], atol=1e-6)


def test_where_rare_classes_count_they_are_given_more_often_and_probabilities_stay():
    problem, draw = Classification(), np.random.default_rng(0)
    targets = ["common"] * 900 + ["rare"] * 100
    rare = np.clip(draw.normal(np.where(np.array(targets) == "rare", 0.3, 0.1), 0.1), 0.01, 0.99)
    answers = Outputs({"probabilities": np.stack([1 - rare, rare], 1)})
    state = problem.fit(targets)
    for metric in ("balanced_accuracy", "f1_macro"):
        tuned = problem.tune(metric, answers, targets, state)
        assert problem.score(metric, answers, targets, tuned) > problem.score(metric, answers, targets, state) + 0.05
        assert problem.decide(answers, tuned).count("rare") > problem.decide(answers, state).count("rare")
        truth = np.array(targets) == np.array(problem.decide(answers, tuned))
        assert problem.score("accuracy", answers, targets, tuned) == pytest.approx(truth.mean())
        for other in ("neg_log_loss", "roc_auc_ovr"):
            assert problem.score(other, answers, targets, tuned) == problem.score(other, answers, targets, state)
    for metric in ("accuracy", "neg_log_loss"):
        assert problem.tune(metric, answers, targets, state) is state


def test_balance_is_offered_only_where_rare_classes_count():
    problem = Classification()
    assert "regular.balance" in problem.ignores_for("accuracy") & problem.ignores_for("neg_log_loss")
    assert not problem.ignores_for("balanced_accuracy") | problem.ignores_for("f1_macro")


@pytest.mark.parametrize("loss", LOSSES)
def test_extreme_scores_have_finite_losses_slopes_and_probabilities(loss):
    problem, recipe = Classification(), with_loss(loss, "loss")
    state = problem.fit(["a", "b", "b"])
    scores = torch.tensor([[90.0, -90.0], [-90.0, 90.0], [1e4, 0.0]], requires_grad=True)
    value = problem.loss(scores, torch.tensor([0, 0, 1]), state, recipe).sum()
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(scores.grad).all()
    assert np.isfinite(probabilities(problem, scores, state, recipe)).all()


def test_the_focal_loss_with_no_smoothing_is_that_of_its_authors():
    problem = Classification()
    state, scores = problem.fit(["a", "b", "c"]), torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
    sure = scores.softmax(1)[[0, 1], [1, 2]]
    losses = problem.loss(scores, torch.tensor([1, 2]), state, with_loss("focal", "none"))
    torch.testing.assert_close(losses, -((1 - sure) ** 2) * sure.log())


def test_a_single_class_is_refused():
    with pytest.raises(BadInput, match="'only'"):
        Classification().fit(["only", "only"])


def test_a_label_without_training_rows_is_always_wrong_and_never_fatal():
    problem = Classification()
    state = problem.fit(["a", "b"])
    answers = Outputs({"probabilities": np.array([[0.9, 0.1], [0.9, 0.1]])})
    assert problem.encode(["a", "new"], state).tolist() == [0, -1]
    assert problem.score("accuracy", answers, ["a", "new"], state) == 0.5
    assert all(np.isfinite(problem.score(metric, answers, ["a", "new"], state)) for metric in problem.metrics)


def test_labels_of_several_types_meet_as_text():
    problem = Classification()
    state = problem.fit([1, "1", 2])
    assert state.values == {"classes": ["1", "2"], "counts": [2, 1]}

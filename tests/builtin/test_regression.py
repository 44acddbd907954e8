"""`Regression` keeps the contract of a problem, for one number and for several."""

import math

import numpy as np
import pytest
import torch

from autosft.builtin.regression import LOSSES, Regression
from autosft.contracts.problem import Outputs
from autosft.contracts.recipe import Recipe
from autosft.errors import BadInput
from autosft.testing.conformance import ProblemConformance

PROBLEM = Regression()
ONE = [1.0, 2.5, -3.0, 4.0, 0.0, 2.0]
TWO = [(1.0, 200.0), (2.5, 100.0), (-3.0, 0.0), (4.0, 50.0), (0.0, 70.0), (2.0, 90.0)]


@pytest.fixture(params=LOSSES)
def recipe(request):
    return Recipe(backbone="any/any", strategy="any", own={"regression": {"loss": request.param}})


class TestRegression(ProblemConformance):
    @pytest.fixture
    def problem(self):
        return Regression()

    @pytest.fixture(name="recipe")
    def every_recipe(self, recipe):
        return recipe

    @pytest.fixture(params=[ONE, TWO], ids=["one", "two"])
    def targets(self, request):
        return request.param


def test_answers_are_in_the_unit_of_the_targets():
    for targets in (ONE, TWO):
        state = PROBLEM.fit(targets)
        standardized = PROBLEM.encode(targets, state)
        torch.testing.assert_close(standardized.mean(0), torch.zeros(standardized.shape[1]), atol=1e-6, rtol=0)
        torch.testing.assert_close(standardized.std(0, correction=0), torch.ones(standardized.shape[1]))
        values = standardized.double().numpy() * state.arrays["scale"] + state.arrays["mean"]
        answers = PROBLEM.decide(Outputs({"values": values}), state)
        np.testing.assert_allclose(answers, targets, atol=1e-5)
        assert isinstance(answers[0], float if targets is ONE else list)


@pytest.mark.parametrize("targets", [[1e9 + 0.5, 1e9 + 1.5, 1e9 + 2.5], [0.0, 1e-250, 2e-250], [-1e99, 0.0, 1e99]])
def test_large_numbers_and_small_ones_keep_their_differences(targets):
    state = PROBLEM.fit(targets)
    np.testing.assert_allclose(PROBLEM.encode(targets, state)[:, 0], [-1.2247, 0.0, 1.2247], atol=1e-3)


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([2.0, 2.0], "The target is 2 in all training rows"),
        ([(1.0, 3.0), (2.0, 3.0)], "The number 2 of each target is 3 in all training rows"),
        ([1.0, math.nan, 2.0], "The target nan is not finite"),
        ([1.0, -math.inf], "The target -inf is not finite"),
        ([1.0, 1e200], "beyond 1e\\+100"),
        ([1.0, "tall"], "The target 'tall' is no number"),
        ([1.0, None], "The target None is not finite"),
        ([(1.0, 2.0), (1.0,)], r"The target \(1.0,\) has 1 numbers instead of 2"),
        ([], "There are no training rows"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused_in_one_line(targets, said):
    with pytest.raises(BadInput, match=said) as caught:
        PROBLEM.fit(targets)
    assert "\n" not in str(caught.value)


def test_numbers_that_are_written_as_texts_are_numbers():
    assert PROBLEM.fit(["1", "2.5"]).values["high"] == [2.5]


def test_huber_s_loss_is_half_the_square_near_and_absolute_far():
    recipe = Recipe(backbone="any/any", strategy="any", own={"regression": {"loss": "huber"}})
    state = PROBLEM.fit([-1.0, 1.0])
    losses = PROBLEM.loss(torch.tensor([[0.5], [3.0]]), torch.zeros(2, 1), state, recipe)
    assert losses.tolist() == [0.125, 2.5]


def test_strata_are_tenths_of_the_distribution_and_equal_numbers_share_one():
    strata = PROBLEM.strata([float(number) for number in range(200)])
    assert np.bincount(strata).tolist() == [20] * 10 and sorted(strata) == list(strata)
    zeros = PROBLEM.strata([0.0] * 150 + [float(number) for number in range(1, 51)])
    assert len(set(zeros[:150])) == 1 and len(set(zeros)) == 3
    assert set(PROBLEM.strata([3.0, 1.0, 2.0])) == {0}


def test_several_numbers_are_in_a_stratum_each():
    strata = PROBLEM.strata([(float(number), float(-number)) for number in range(40)])
    assert strata[0] == {(0, 0), (1, 3)} and strata[-1] == {(0, 3), (1, 0)}


def test_the_summary_names_the_ranges():
    assert PROBLEM.describe(PROBLEM.fit(ONE)) == "numbers from -3 to 4"
    assert PROBLEM.describe(PROBLEM.fit(TWO)) == "2 numbers per row, from -3 to 4, 0 to 200"

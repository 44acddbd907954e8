"""What mattered is said only where something can be said."""

from __future__ import annotations

import numpy as np
import pytest

from autosft.contracts.recipe import Optim, Recipe, Regular
from autosft.contracts.record import Record
from autosft.report.importance import LEAST_TRIALS, importance


def trials(count, score, seed=0):
    """Trials of two strategies, of which the probe knows no learning rate; their scores by a function of the recipe."""
    draw = np.random.default_rng(seed)
    records = []
    for number in range(count):
        strategy = "full" if number % 3 else "probe"
        rate = 10 ** draw.uniform(-4, -1) if strategy == "full" else 1e-3
        regular = Regular(dropout=draw.uniform(0, 0.5))
        recipe = Recipe(backbone="tiny/wide", strategy=strategy, optim=Optim(lr=rate), regular=regular)
        value = score(recipe) + draw.normal(0, 0.02)
        records.append(Record(number=number, state="done", recipe=recipe, score=value))
    return sorted(records, key=Record.order)


@pytest.fixture(scope="module")
def by_rate():
    return importance(trials(120, lambda recipe: -abs(np.log10(recipe.optim.lr) + 2)), seed=0)


def test_the_parameter_that_decides_stands_first(by_rate):
    assert by_rate.weights[0].name == "optim.lr" and by_rate.weights[0].low > 0.2
    assert by_rate.explained > 0.5 and by_rate.why_not == ""


def test_a_parameter_that_does_nothing_cannot_be_told_from_nothing(by_rate):
    (dropout,) = [weight for weight in by_rate.weights if weight.name == "regular.dropout"]

    assert dropout.low <= 0.01 and dropout.mean < 0.05


def test_parameters_that_never_differ_are_not_weighed(by_rate):
    assert {weight.name for weight in by_rate.weights} == {"optim.lr", "regular.dropout", "strategy"}


def test_few_trials_say_nothing():
    found = importance(trials(LEAST_TRIALS - 1, lambda recipe: recipe.optim.lr), seed=0)

    assert found.weights == () and "too few" in found.why_not


def test_noise_says_nothing():
    found = importance(trials(60, lambda recipe: 0.5), seed=0)

    assert found.weights == () and "cannot be foretold" in found.why_not


def test_equal_scores_say_nothing():
    records = [record.model_copy(update={"score": 1.0}) for record in trials(40, lambda recipe: 0.5)]

    assert "do not differ" in importance(records, seed=0).why_not

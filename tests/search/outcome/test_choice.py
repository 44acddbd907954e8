"""Which trial becomes the bundle."""

from __future__ import annotations

import dataclasses

import pytest

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.contracts.strategy import Strategy
from autosft.search.outcome.choice import choose, contenders
from autosft.testing import toy


class Frozen(Strategy):
    name, cheap = "frozen", True


@pytest.fixture
def registry():
    plain = toy.registry()
    return dataclasses.replace(plain, strategies={**plain.strategies, "frozen": Frozen()})


def trial(number, strategy, score, error=0.05, rows=0, **fields):
    recipe = Recipe(backbone="toy/wide", strategy=strategy, rows=rows)
    fields = {"state": "done", "score_error": error, **fields}
    return Record(number=number, recipe=recipe, score=score, **fields)


def test_without_a_score_nothing_is_chosen(registry):
    assert choose([], registry) is None
    assert choose([trial(0, "toy", None, state="failed")], registry) is None


def test_a_frozen_encoder_within_one_standard_error_goes_first(registry):
    records = [trial(0, "frozen", 0.80), trial(1, "frozen", 0.82), trial(2, "toy", 0.86)]

    assert choose(records, registry).number == 1


def test_beyond_one_standard_error_the_highest_score_wins(registry):
    records = [trial(0, "frozen", 0.80), trial(1, "toy", 0.86)]

    assert choose(records, registry).number == 1


def test_with_many_rows_the_error_is_small_and_the_highest_score_wins(registry):
    records = [trial(0, "frozen", 0.855, error=0.002), trial(1, "toy", 0.86, error=0.002)]

    assert choose(records, registry).number == 1


def test_of_equal_scores_the_lower_loss_is_chosen(registry):
    records = [trial(0, "frozen", 0.8, loss=0.7), trial(1, "frozen", 0.8, loss=0.5)]

    assert choose(records, registry).number == 1


def test_a_failed_trial_is_never_chosen(registry):
    records = [trial(0, "frozen", 0.9, state="diverged"), trial(1, "toy", 0.5)]

    assert choose(records, registry).number == 1


def test_the_models_of_contenders_are_kept_however_many_score_higher(registry):
    records = [trial(0, "frozen", 0.80), trial(1, "frozen", 0.78)]
    records += [trial(number, "toy", 0.80 + number / 1000) for number in range(2, 8)]

    kept = contenders(records, registry, 3)

    assert kept == {7, 6, 5, 0}
    assert choose(records, registry).number in kept


def test_of_close_frozen_trials_the_highest_cross_validated_score_is_chosen(registry):
    lucky = trial(0, "frozen", 0.92, cross_score=0.80)
    steady = trial(1, "frozen", 0.90, cross_score=0.85)
    far = trial(2, "frozen", 0.80, cross_score=0.95)

    assert choose([lucky, steady, far], registry) == steady
    assert contenders([lucky, steady, far], registry, 1) == {0, 1, 2}


def test_of_close_frozen_trials_those_on_more_rows_go_first(registry):
    few, more, all_of_them = (trial(n, "frozen", 0.92 - n / 100, rows=rows) for n, rows in enumerate((50, 200, 0)))

    assert choose([few, more, all_of_them], registry) == all_of_them
    assert choose([few, more], registry) == more

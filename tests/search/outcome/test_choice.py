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


def trial(number, strategy, score, error=0.05, rows=0, rows_scored=200, **fields):
    recipe = Recipe(backbone="toy/wide", strategy=strategy, rows=rows)
    fields = {"state": "done", "score_error": error, "rows": rows_scored, **fields}
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


def test_with_few_rows_a_trained_encoder_goes_first_only_beyond_the_interval_of_its_score(registry):
    frozen = trial(0, "frozen", 0.80, rows_scored=40)
    close, beyond = (trial(1, "toy", score, rows_scored=40) for score in (0.88, 0.92))

    assert choose([frozen, close], registry) == frozen
    assert choose([frozen, beyond], registry) == beyond


def test_a_score_on_the_split_alone_is_compared_with_what_others_have_there(registry):
    """The split is easy: who was scored on it alone is no better for it."""
    crossed = trial(0, "frozen", 0.70, split_score=0.93, error=0.02)
    lucky, better = trial(1, "toy", 0.94, error=0.02), trial(2, "toy", 0.99, error=0.02)

    assert choose([crossed, lucky], registry) == crossed
    assert choose([crossed, lucky, better], registry) == better


def test_of_close_frozen_trials_those_on_more_rows_go_first(registry):
    few, more, all_of_them = (trial(n, "frozen", 0.92 - n / 100, rows=rows) for n, rows in enumerate((50, 200, 0)))

    assert choose([few, more, all_of_them], registry) == all_of_them
    assert choose([few, more], registry) == more

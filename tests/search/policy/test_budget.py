"""What the clock says, and what is expected to take how long."""

from __future__ import annotations

import math
import time

import pytest

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.search.policy.budget import (
    FEWEST_TEST_ROWS,
    FINISH_SECONDS,
    MARGIN,
    TEST_SHARE,
    TRAIN_TO_ENCODE,
    Clock,
    Estimates,
)

SIZES = {"train": 100, "valid": 20, "test": 40}


def record(backbone="toy/narrow", *, best=None, seconds=3.0, **pace):
    recipe = Recipe(backbone=backbone, strategy="toy")
    return Record(number=0, state="done", recipe=recipe, score=0.5, pace=pace, best=best or {}, seconds=seconds)


def test_the_clock_sums_over_sessions():
    clock = Clock(10.0, spent=4.0, started=time.monotonic() - 3.0)

    assert clock.used() == pytest.approx(7.0, abs=0.2)
    assert clock.left() == pytest.approx(3.0, abs=0.2)


def test_the_clock_runs_and_may_run_out():
    clock = Clock(0.05, started=time.monotonic())
    before = clock.left()
    time.sleep(0.06)

    assert before > 0 > clock.left()


def test_without_a_budget_there_is_always_time():
    assert Clock(None, spent=1e9).left() == math.inf


def test_nothing_is_known_before_the_first_trial(plan):
    estimates = Estimates(plan, [], SIZES, None)

    assert estimates.encode_seconds("toy/wide") is None
    assert estimates.train_seconds("toy/wide") is None
    assert estimates.probe_seconds("toy/wide") is None
    assert estimates.epochs_in(5.0, "toy/wide") == math.inf


def test_what_was_measured_is_believed(plan):
    estimates = Estimates(plan, [record(encode=0.01, train=0.05)], SIZES, None)

    assert estimates.encode_seconds("toy/narrow") == 0.01
    assert estimates.train_seconds("toy/narrow") == 0.05
    assert estimates.epochs_in(25.0, "toy/narrow") == pytest.approx(25.0 / (MARGIN * 0.05 * 100))


def test_the_latest_measurement_counts(plan):
    assert Estimates(plan, [record(encode=0.01), record(encode=0.03)], SIZES, None).encode_seconds("toy/narrow") == 0.03


def test_a_backbone_that_was_never_measured_is_scaled_by_its_multiply_adds(plan):
    estimates = Estimates(plan, [record(encode=0.01)], SIZES, None)

    assert estimates.encode_seconds("toy/wide") == pytest.approx(0.02)
    assert estimates.train_seconds("toy/wide") == pytest.approx(0.02 * TRAIN_TO_ENCODE)


def test_a_probe_encodes_training_and_validation_rows(plan):
    seconds = Estimates(plan, [record(encode=0.01)], SIZES, None).probe_seconds("toy/narrow")

    assert seconds is not None and 0.01 * 120 <= seconds <= 2 * 0.01 * 120 + 2.0


def test_a_refit_takes_the_best_epochs_on_more_rows(plan):
    done = record(train=0.05, best={"toy": 4})

    assert Estimates(plan, [done], SIZES, None).refit_seconds(done) >= 4 * 0.05 * 120


def test_a_refit_on_encoded_rows_takes_what_the_trial_took_beside_encoding_and_more(plan):
    done = record(seconds=3.0, encode=0.01)

    assert Estimates(plan, [done], SIZES, None).refit_seconds(done) >= (3.0 - 0.01 * 120) * 120 / 100


def test_the_test_is_paid_for_before_it_begins(plan):
    done = record(encode=0.01)

    assert Estimates(plan, [done], SIZES, None).test_seconds(done) >= FINISH_SECONDS + 0.01 * 40


def test_rows_that_are_encoded_already_cost_nothing(plan):
    part = record(encode=0.01).model_copy(update={"recipe": Recipe(backbone="toy/narrow", strategy="toy", rows=60)})
    estimates = Estimates(plan, [part], SIZES, None)

    assert estimates.probe_seconds("toy/narrow", 60) == pytest.approx(2.0)
    assert estimates.probe_seconds("toy/narrow") == pytest.approx(MARGIN * 0.01 * 40 + 2.0)


def test_with_little_time_fewer_rows_are_trained_on_and_tested(plan):
    estimates = Estimates(plan, [record(encode=0.01, train=0.05)], SIZES, 10.0)

    assert estimates.rows_in(10.0, "toy/narrow", 4) == int(10 / (MARGIN * 0.05 * 4))
    assert estimates.epochs_in(10.0, "toy/narrow", 50) == 2 * estimates.epochs_in(10.0, "toy/narrow")
    slow = Estimates(plan, [record(encode=1.0)], {**SIZES, "test": 1000}, 100.0)
    assert slow.test_seconds(record()) == FINISH_SECONDS + TEST_SHARE * 100.0
    assert slow.test_rows_in(105.0, record()) == int((105.0 - FINISH_SECONDS) / MARGIN)
    assert slow.test_rows_in(1.0, record()) == FEWEST_TEST_ROWS and slow.test_rows_in(math.inf, record()) == 1000

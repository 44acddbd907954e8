"""What the clock says, and what is expected to take how long."""

from __future__ import annotations

import math
import time

import pytest

from autosft.contracts.facts import Facts
from autosft.contracts.recipe import Recipe, TeacherMember
from autosft.contracts.record import Record
from autosft.search.policy.budget import (
    FEWEST_TEST_ROWS,
    FINISH_SECONDS,
    MARGIN,
    TEST_FRACTION,
    TRAIN_TO_ENCODE,
    Estimates,
)
from autosft.search.policy.clock import Clock

FACTS = Facts(train=100, valid=20, test=40)


@pytest.fixture
def plan(plan):
    return plan.model_copy(update={"facts": FACTS})


def recipe(backbone="tiny/narrow", *, rows=0, activation="tanh"):
    return Recipe(backbone=backbone, strategy="toy", rows=rows, own={"tiny": {"activation": activation}})


def alike(recipe):
    """The effort of a row where every row costs the same."""
    return 1.0


def record(backbone="tiny/narrow", *, best=None, seconds=3.0, rows=0, activation="tanh", **per_row):
    made = recipe(backbone, rows=rows, activation=activation)
    return Record(
        number=0, state="done", recipe=made, score=0.5, seconds_per_row=per_row, best=best or {}, seconds=seconds
    )


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
    estimates = Estimates(plan, [], None, alike)

    assert estimates.encode_seconds(recipe("tiny/wide")) is None
    assert estimates.train_seconds(recipe("tiny/wide")) is None
    assert estimates.probe_seconds(recipe("tiny/wide")) is None
    assert estimates.epochs_in(5.0, recipe("tiny/wide")) == math.inf


def test_what_was_measured_is_believed(plan):
    estimates = Estimates(plan, [record(encode=0.01, train=0.05)], None, alike)

    assert estimates.encode_seconds(recipe("tiny/narrow")) == 0.01
    assert estimates.train_seconds(recipe("tiny/narrow")) == 0.05
    assert estimates.epochs_in(25.0, recipe("tiny/narrow")) == pytest.approx(25.0 / (MARGIN * 0.05 * 100))


def test_each_strategy_has_its_own_seconds_per_row_and_one_that_was_not_measured_that_of_the_slowest(plan):
    def trained(strategy, per_row):
        return record(train=per_row).model_copy(update={"recipe": recipe().changed(strategy=strategy)})

    estimates = Estimates(plan, [trained("slow", 0.05), trained("quick", 0.01)], None, alike)
    per_row_by_strategy = [
        estimates.train_seconds(recipe().changed(strategy=name)) for name in ("slow", "quick", "new")
    ]
    assert per_row_by_strategy == [0.05, 0.01, 0.05]


def test_the_latest_measurement_counts(plan):
    assert (
        Estimates(plan, [record(encode=0.01), record(encode=0.03)], None, alike).encode_seconds(recipe("tiny/narrow"))
        == 0.03
    )


def test_a_backbone_that_was_never_measured_is_scaled_by_its_multiply_adds(plan, enlarge):
    estimates = Estimates(enlarge(plan), [record(encode=0.01)], None, alike)

    assert estimates.encode_seconds(recipe("tiny/wide")) == pytest.approx(0.02)
    assert estimates.train_seconds(recipe("tiny/wide")) == pytest.approx(0.02 * TRAIN_TO_ENCODE)


@pytest.mark.parametrize("seconds, enough", [(0.0002, True), (0.002, False)], ids=["little time", "little work"])
def test_what_is_hardly_any_work_tells_nothing_of_other_backbones(plan, enlarge, seconds, enough):
    """One that stated a thousandth of its multiply-adds would make every other look a thousand times as dear."""
    estimates = Estimates(enlarge(plan) if enough else plan, [record(encode=seconds)], None, alike)

    assert estimates.measured and not estimates.telling
    assert estimates.encode_seconds(recipe("tiny/narrow")) == seconds
    assert estimates.encode_seconds(recipe("tiny/wide")) is None
    assert Estimates(enlarge(plan), [record(encode=0.002)], None, alike).telling


def test_a_probe_encodes_training_and_validation_rows(plan):
    seconds = Estimates(plan, [record(encode=0.01)], None, alike).probe_seconds(recipe("tiny/narrow"))

    assert seconds is not None and 0.01 * 120 <= seconds <= 2 * 0.01 * 120 + 2.0


def test_a_refit_takes_the_best_epochs_on_more_rows(plan):
    done = record(train=0.05, best={"toy": 4})

    assert Estimates(plan, [done], None, alike).refit_seconds(done) >= 4 * 0.05 * 120


def test_a_refit_on_encoded_rows_takes_what_fitting_took_not_what_the_worker_took_to_begin(plan):
    done = record(seconds=30.0, encode=0.01, fit=0.02)

    assert Estimates(plan, [done], None, alike).refit_seconds(done) == pytest.approx(MARGIN * 0.02 * 120 + 2.0)


def test_a_cheap_recipe_for_a_part_of_the_rows_is_trained_again_on_as_many_as_there_is_time_for(plan):
    part = record(rows=20, encode=0.1, fit=0.0)
    estimates = Estimates(plan, [part], 60.0, alike)
    spent = estimates.refit_seconds(part)

    assert estimates.refit_rows(part, spent) == 20
    assert estimates.refit_rows(part, spent + 40 * 0.1 * MARGIN) == pytest.approx(60, abs=1)
    assert estimates.refit_rows(part, math.inf) == 100
    assert estimates.refit_rows(record(rows=20, best={"full": 2}, encode=0.1, train=0.1), math.inf) == 20


def test_the_test_is_paid_for_before_it_begins(plan):
    done = record(encode=0.01)

    assert Estimates(plan, [done], None, alike).test_seconds([done]) >= FINISH_SECONDS + 0.01 * 40


def test_rows_that_are_encoded_already_cost_nothing(plan):
    estimates = Estimates(plan, [record(encode=0.01, rows=60)], None, alike)

    assert estimates.probe_seconds(recipe("tiny/narrow", rows=60)) == pytest.approx(2.0)
    assert estimates.probe_seconds(recipe("tiny/narrow")) == pytest.approx(MARGIN * 0.01 * 40 + 2.0)


def test_with_little_time_fewer_rows_are_trained_on_and_tested(plan):
    estimates = Estimates(plan, [record(encode=0.01, train=0.05)], 10.0, alike)

    assert estimates.rows_in(10.0, recipe("tiny/narrow"), 4) == int(10 / (MARGIN * 0.05 * 4))
    assert estimates.epochs_in(10.0, recipe("tiny/narrow", rows=50)) == 2 * estimates.epochs_in(
        10.0, recipe("tiny/narrow")
    )
    many = plan.model_copy(update={"facts": FACTS.model_copy(update={"test": 1000})})
    slow = Estimates(many, [record(encode=1.0)], 100.0, alike)
    assert slow.test_seconds([record()]) == FINISH_SECONDS + TEST_FRACTION * 100.0
    assert slow.test_rows_in(105.0, [record()]) == int((105.0 - FINISH_SECONDS) / MARGIN)
    assert slow.test_rows_in(1.0, [record()]) == FEWEST_TEST_ROWS and slow.test_rows_in(math.inf, [record()]) == 1000


def test_a_row_at_lower_cost_costs_its_fraction_and_was_not_encoded_by_another(plan):
    def relative_cost(recipe):
        return 0.25 if recipe.of("tiny")["activation"] == "relu" else 1.0

    estimates = Estimates(plan, [record(encode=0.01, activation="relu")], None, relative_cost)

    assert estimates.encode_seconds(recipe(activation="relu")) == pytest.approx(0.01)
    assert estimates.encode_seconds(recipe()) == pytest.approx(0.04)
    assert estimates.train_seconds(recipe()) == pytest.approx(0.04 * TRAIN_TO_ENCODE)
    assert estimates.probe_seconds(recipe(activation="relu")) == pytest.approx(2.0)
    assert estimates.probe_seconds(recipe()) == pytest.approx(MARGIN * 0.04 * 120 + 2.0)


def test_rows_without_targets_are_encoded_once_by_each_encoder_that_looks_at_them(plan):
    def learns(one):
        return one.unlabeled or (1000 if one.strategy == "learner" else 0), 0.0

    other = TeacherMember(trial=0, weight=1.0, recipe=recipe("tiny/wide"))
    both = recipe().changed(strategy="learner", teacher=(other,))
    records = [record(encode=0.01), record("tiny/wide", encode=0.03)]
    estimates = Estimates(plan, records, None, alike, learns)
    assert estimates.unlabeled_seconds(both) == pytest.approx(40.0)
    assert estimates.unlabeled_seconds(both.changed(unlabeled=250)) == pytest.approx(10.0)
    assert estimates.unlabeled_seconds(recipe()) == 0.0
    assert estimates.probe_seconds(both) >= MARGIN * 40.0

    seen = record(encode=0.01).model_copy(update={"recipe": both.changed(unlabeled=500)})
    assert Estimates(plan, [*records, seen], None, alike, learns).unlabeled_seconds(both) == pytest.approx(20.0)


def test_an_epoch_costs_what_it_does_with_rows_without_targets_too(plan):
    def learns(one):
        return one.unlabeled or 1000, 1.5 if one.strategy == "learner" else 0.0

    estimates = Estimates(plan, [record(train=0.01)], None, alike, learns)
    learner, rows = recipe().changed(strategy="learner"), estimates.all_rows
    assert estimates.epoch_rows(recipe()) == rows and estimates.epoch_rows(learner) == rows + 1500
    assert estimates.epochs_in(100.0, learner) == pytest.approx(100.0 / (MARGIN * 0.01 * (rows + 1500)))
    assert estimates.rows_in(100.0, learner, 4) == int(100.0 / (MARGIN * 0.01 * 4) - 1500)

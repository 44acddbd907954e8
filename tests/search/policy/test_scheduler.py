"""What comes next: what was cut off, what has earned it, what the clock would else take, and only then the new."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest

from autosft.contracts.facts import Facts
from autosft.contracts.record import Epoch, Record
from autosft.contracts.space import Choice, defaults
from autosft.runs.plan import make_plan, precheck
from autosft.runs.spec import SearchSpec
from autosft.search.memory.sampler import Sampler
from autosft.search.memory.study import Study, sqlite_url
from autosft.search.memory.trials import Trials
from autosft.search.policy.budget import MARGIN, TRAIN_TO_ENCODE, Estimates
from autosft.search.policy.proposals import Proposals
from autosft.search.policy.scheduler import Assignment, Scheduler
from autosft.search.space import content_of, space_of, whole_space_of
from autosft.testing.toy import ToyStrategy

FACTS = Facts(train=100, valid=20, test=20)


@pytest.fixture
def plan(plan):
    return plan.model_copy(update={"facts": FACTS})


EPOCH_SECONDS = MARGIN * 0.01 * 100


@pytest.fixture
def opened(tmp_path, task, registry, plan):
    """A function that opens the trials and their scheduler, as a driver does."""

    def open_(limit=None):
        sampler = Sampler(0)
        trials = Trials(Study(sqlite_url(tmp_path / "study.db"), "autosft"), sampler, 0)
        return trials, Scheduler(trials, Proposals(task, registry, plan, sampler), limit)

    return open_


def next_of(trials, scheduler, plan, left=math.inf):
    budget = None if left == math.inf else 1000.0
    estimates = Estimates(plan, trials.known, budget, lambda recipe: 1.0)
    return scheduler.next(estimates, (), used=0.1 if budget else 0.0, left=left)


def paused(trials, number, score, epochs=2):
    curve = tuple(Epoch(stage="s", number=n + 1, loss=1.0, score=score, seconds=1.0) for n in range(epochs))
    recipe = trials.recipe(number)
    trials.note(
        Record(number=number, state="paused", recipe=recipe, score=score, epochs=curve, seconds_per_row={"train": 0.01})
    )


def test_new_trials_run_to_their_first_rung(opened, plan):
    trials, scheduler = opened()

    assert next_of(trials, scheduler, plan) == Assignment(0, 2, resumed=False)


def test_what_a_killed_driver_left_comes_first(opened, plan):
    next_of(*opened(), plan)
    trials, scheduler = opened()

    assert next_of(trials, scheduler, plan) == Assignment(0, 2, resumed=False)
    assert next_of(trials, scheduler, plan) == Assignment(1, 2, resumed=False)


def test_the_best_of_three_goes_on_to_the_next_rung_before_anything_new_begins(opened, plan):
    trials, scheduler = opened()
    for number, score in enumerate([0.5, 0.9, 0.7]):
        assert next_of(trials, scheduler, plan).number == number
        paused(trials, number, score)

    assert next_of(trials, scheduler, plan) == Assignment(1, 6, resumed=True)
    assert next_of(trials, scheduler, plan) == Assignment(3, 2, resumed=False)


def test_the_best_paused_trial_runs_through_while_there_is_still_time_for_it(opened, plan):
    trials, scheduler = opened()
    assert next_of(trials, scheduler, plan)
    rest = trials.recipe(0).stop.max_epochs - 2
    paused(trials, 0, 0.5)

    assert next_of(trials, scheduler, plan, left=(rest + 1) * EPOCH_SECONDS) == Assignment(0, None, resumed=True)


def test_with_time_for_both_something_new_begins(opened, plan):
    trials, scheduler = opened()
    assert next_of(trials, scheduler, plan)
    paused(trials, 0, 0.5)

    assert next_of(trials, scheduler, plan, left=100 * EPOCH_SECONDS) == Assignment(1, 2, resumed=False)


def test_after_the_last_trial_only_who_may_still_win_goes_on(opened, plan):
    trials, scheduler = opened(limit=2)
    for number in range(2):
        assert next_of(trials, scheduler, plan).number == number
    trials.note(Record(number=0, state="done", recipe=trials.recipe(0), score=0.8, score_error=0.05))
    paused(trials, 1, 0.6)
    assert next_of(trials, scheduler, plan) is None

    paused(trials, 1, 0.78)
    assert next_of(trials, scheduler, plan) == Assignment(1, None, resumed=True)


def test_without_time_for_an_epoch_nothing_goes_on(opened, plan):
    trials, scheduler = opened(limit=1)
    assert next_of(trials, scheduler, plan)
    paused(trials, 0, 0.5)

    assert next_of(trials, scheduler, plan, left=0.5 * EPOCH_SECONDS) is None


def test_what_was_never_tried_for_want_of_time_is_named_with_what_it_would_have_taken(
    opened, plan, enlarge, task, registry
):
    trials, scheduler = opened()
    params = {
        "backbone": "tiny/narrow",
        "strategy": "toy",
        **defaults(space_of(task, registry, plan, "tiny/narrow", "toy")),
    }
    number = trials.start(params, whole_space_of(task, registry, plan, params))
    ended = Record(
        number=number, state="done", recipe=trials.recipe(number), score=0.5, seconds_per_row={"encode": 0.01}
    )
    trials.note(ended)
    estimates = Estimates(enlarge(plan), trials.known, 60.0, lambda recipe: 1.0)
    seconds = MARGIN * 4 * 2 * 0.01 * TRAIN_TO_ENCODE * FACTS.train  # four epochs, twice the multiply-adds

    assert scheduler.over(estimates, 5.0) == (
        f"nothing new fits the 5 s that are left to train; never tried: tiny/wide (about {seconds:.0f} s)"
    )
    assert scheduler.over(estimates, 41.0) == "nothing new fits the 41 s that are left to train"
    assert scheduler.over(estimates, math.inf) == "nothing new is left to try"


def test_no_default_is_tried_again_because_there_is_less_time_for_it(opened, plan):
    trials, scheduler = opened()
    assert next_of(trials, scheduler, plan).number == 0
    paused(trials, 0, 0.5)
    for left in (40, 30, 20, 18, 16):
        assignment = next_of(trials, scheduler, plan, left=left * EPOCH_SECONDS)
        if assignment and not assignment.resumed:
            paused(trials, assignment.number, 0.1)

    recipes = [trials.recipe(number) for number in range(trials.started)]
    assert trials.started > 3 and len({content_of(recipe, cut=True) for recipe in recipes}) == trials.started


def test_a_strategy_may_name_the_lengths_of_its_schedule_one_by_one(with_parts, task, tmp_path):
    class Choosy(ToyStrategy.__base__):
        name, uses, stages = "choosy", ToyStrategy.uses, ToyStrategy.stages
        space: ClassVar = {**ToyStrategy.space, "stop.max_epochs": Choice((5, 10))}

    parts = with_parts(strategies={"choosy": Choosy()})
    plan = make_plan(task, parts, precheck(task, parts, SearchSpec(strategies=("choosy",))), Facts())
    sampler = Sampler(0)
    trials = Trials(Study(sqlite_url(tmp_path / "study.db"), "autosft"), sampler, 0)

    assignment = next_of(
        trials, Scheduler(trials, Proposals(task, parts, plan, sampler), None), plan, left=50 * EPOCH_SECONDS
    )

    assert assignment is not None and trials.recipe(assignment.number).stop.max_epochs in (5, 10)


def test_nothing_goes_on_when_the_time_is_up(opened, plan):
    trials, scheduler = opened(limit=1)
    assert next_of(trials, scheduler, plan)
    recipe = trials.recipe(0)
    curve = (Epoch(stage="s", number=1, loss=1.0, score=0.5, seconds=1.0),)
    trials.note(
        Record(number=0, state="paused", recipe=recipe, score=0.5, epochs=curve)
    )  # at a seconds per row that nobody knows

    assert next_of(trials, scheduler, plan, left=-1.0) is None


def test_without_time_what_was_cut_off_is_not_sent_and_what_had_paused_stands_there(opened, plan):
    trials, scheduler = opened()
    for _ in range(2):
        next_of(trials, scheduler, plan)
    paused(trials, 0, 0.5)
    trials.resume(0)
    again, scheduler = opened()
    assert again.cut_off == [0, 1] and not again.paused

    assert next_of(again, scheduler, plan, left=-1.0) is None

    assert [record.number for record in again.paused] == [0] and set(again.unfinished) == {0, 1}
    assert next_of(again, scheduler, plan) == Assignment(1, 2, resumed=False)  # there is time after all


def test_with_more_time_a_default_is_tried_on_more_rows(opened, plan):
    trials, scheduler = opened()
    assert next_of(trials, scheduler, plan, left=50 * EPOCH_SECONDS).number == 0
    recipe = trials.recipe(0)
    short = content_of(recipe, cut=True)
    trials.uncut[short] = [(1000, 4)]
    trials.contents.clear()
    trials.note(Record(number=0, state="done", recipe=recipe, score=0.5))

    assignment = next_of(trials, scheduler, plan, left=50 * EPOCH_SECONDS)

    assert content_of(trials.recipe(assignment.number), cut=True) == short

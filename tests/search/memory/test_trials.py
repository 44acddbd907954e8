"""What a driver knows of trials when it takes a run up again."""

from __future__ import annotations

import math

import pytest

from autosft.contracts.record import Record
from autosft.contracts.space import Choice, Float, Int
from autosft.search.memory.sampler import Sampler
from autosft.search.memory.study import Study, sqlite_url
from autosft.search.memory.trials import Trials
from autosft.search.space import content_of

SPACE = {
    "backbone": Choice(("tiny/wide",)),
    "strategy": Choice(("toy",)),
    "optim.lr": Float(1e-3, 1e-1, default=6e-2, log=True),
    "stop.max_epochs": Int(4, 30, default=12),
}
PARAMS = {"backbone": "tiny/wide", "strategy": "toy", "optim.lr": 2e-3, "stop.max_epochs": 6}


@pytest.fixture
def opened(tmp_path):
    """A function that opens the trials of a study by its name."""
    return lambda name="one": Trials(Study(sqlite_url(tmp_path / "study.db"), name), Sampler(0), 0)


def note(trials, state, score=None):
    number = trials.start(PARAMS, SPACE)
    trials.note(Record(number=number, state=state, recipe=trials.recipe(number), score=score))
    return number


def test_what_no_longer_fits_the_space_is_no_belief_and_keeps_no_run_from_going_on(opened, tmp_path):
    trials = opened()
    note(trials, "done", 0.5)
    trials.close()

    study = Study(sqlite_url(tmp_path / "study.db"), "one")
    study.carry_over("two", lambda params: {**SPACE, "optim.lr": Float(5e-2, 1e-1, default=6e-2, log=True)})
    study.close()

    again = opened("two")
    assert again.recipe(0).optim.lr == 2e-3 and again.ended[0].score == 0.5
    note(again, "done", 0.7)


def test_a_recipe_that_had_no_time_for_a_score_may_be_tried_anew_in_a_later_sitting(opened):
    trials = opened()
    content = content_of(trials.recipe(note(trials, "interrupted")))
    assert content in trials.contents
    trials.close()

    assert content not in opened().contents


def test_a_recipe_that_the_clock_has_cut_is_known_for_what_it_was(opened):
    trials = opened()
    recipe = trials.recipe(note(trials, "done", 0.5))
    longer = recipe.changed(stop=recipe.stop.model_copy(update={"max_epochs": 12}), rows=500)

    assert content_of(longer) not in trials.contents and trials.uncut[content_of(longer, cut=True)] == [(math.inf, 6)]
    assert content_of(recipe.changed(optim=recipe.optim.model_copy(update={"lr": 3e-3})), cut=True) not in trials.uncut

"""What a driver knows of trials when it takes a run up again."""

from __future__ import annotations

import math

import pytest

from autosft.contracts.recipe import Recipe
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


def test_a_paused_trial_goes_on_from_the_encoder_that_it_started_from_whatever_the_defaults_are_now(tmp_path):
    def opened(epochs):
        def start_of(backbone, strategy):
            return Recipe(backbone=backbone, strategy=strategy, own={"denoise": {"epochs": epochs}})

        return Trials(Study(sqlite_url(tmp_path / "study.db"), "one"), Sampler(0), 0, start_of)

    space = {**SPACE, "start": Choice(("none", "denoise"))}
    trials = opened(3)
    paused, cut_off, plain = (trials.start({**PARAMS, "start": one}, space) for one in ("denoise", "denoise", "none"))
    trials.note(Record(number=paused, state="paused", recipe=trials.recipe(paused), score=0.5))
    trials.close()

    again = opened(9)

    assert again.recipe(paused).start.of("denoise") == {"epochs": 3}
    assert again.recipe(cut_off).start.of("denoise") == {"epochs": 9} and again.recipe(plain).start is None


def test_trials_that_have_ended_stand_in_the_order_in_which_they_did(opened):
    trials = opened()
    numbers = [trials.start({**PARAMS, "stop.max_epochs": epochs}, SPACE) for epochs in (4, 5, 6)]
    for moment, number in enumerate(reversed(numbers)):
        record = Record(number=number, state="failed", recipe=trials.recipe(number), ended=float(moment))
        trials.note(record)
    trials.close()

    assert [record.number for record in opened().ended] == [record.number for record in trials.ended] == [2, 1, 0]

"""What the study remembers, what it proposes, and what it never does."""

from __future__ import annotations

import itertools
import math
import os
import warnings

import optuna
import pytest
from sqlalchemy import Engine, event

from autosft.contracts.record import Record
from autosft.contracts.space import Choice, Float, Int
from autosft.search.plan import recipe_of
from autosft.search.study import NAME, Study

CHOICES = {"backbone": Choice(("toy/wide", "toy/narrow")), "strategy": Choice(("toy", "other"))}
PARAMS = {"backbone": "toy/wide", "strategy": "toy", "toy.optim.lr": 0.02, "toy.stop.max_epochs": 4}


def space_of(backbone, strategy):
    if strategy == "other":
        return {"other.depth": Int(1, 100, default=3)}
    return {"toy.optim.lr": Float(1e-3, 1e-1, default=1e-2, log=True), "toy.stop.max_epochs": Int(2, 8, default=4)}


def space_for(params):
    return {**CHOICES, **space_of(params["backbone"], params["strategy"])}


def record(number, params=PARAMS, *, score=0.5, state="done"):
    return Record(
        number=number, state=state, recipe=recipe_of(params, number), score=score, error="" if score else "bad"
    )


def run(study, params=PARAMS, **outcome):
    ended = record(study.start(params, space_for(params)), params, **outcome)
    study.finish(ended)
    return ended


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


def start_and_be_killed(path, params, *, commit):
    """Start a trial in another process, which is killed before that commit to the database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads of this process do not matter to the fork
        child = os.fork()
    if not child:
        study, commits = Study(path, 0), itertools.count()
        event.listen(Engine, "commit", lambda connection: next(commits) == commit and os._exit(0))
        study.start(params, space_for(params))
        os._exit(0)
    os.waitpid(child, 0)


def stored(path):
    return optuna.load_study(study_name=NAME, storage=f"sqlite:///{path}")


def test_records_survive_reopening(path):
    study = Study(path, 0)
    written = [
        run(study, score=0.4),
        run(study, {**PARAMS, "toy.optim.lr": 0.05}, score=None, state="diverged"),
        run(study, {"backbone": "toy/narrow", "strategy": "other", "other.depth": 7}, score=0.9),
    ]

    assert study.records() == Study(path, 0).records() == written


def test_optuna_opens_the_file_as_it_is(path):
    study = Study(path, 0)
    run(study, score=0.4)
    run(study, {"backbone": "toy/narrow", "strategy": "other", "other.depth": 7}, score=0.9)

    opened = stored(path)

    assert opened.direction == optuna.study.StudyDirection.MAXIMIZE
    assert [trial.value for trial in opened.trials] == [0.4, 0.9]
    assert opened.trials[0].params == PARAMS
    assert opened.best_trial.number == 1 and opened.best_params["other.depth"] == 7


def test_a_failed_trial_is_never_best(path):
    study = Study(path, 0)
    run(study, score=0.1)
    for state in ("failed", "diverged", "out_of_memory", "interrupted"):
        run(study, score=0.99, state=state)

    assert stored(path).best_trial.number == 0
    assert [trial.state.name for trial in stored(path).trials] == ["COMPLETE", *["FAIL"] * 4]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_fails_the_trial(path, score):
    study = Study(path, 0)
    run(study, score=0.1)
    run(study, score=score)

    assert stored(path).best_trial.number == 0
    assert Study(path, 0).records()[1].score is None


def test_a_proposal_is_not_stored(path):
    study = Study(path, 0)
    for attempt in range(3):
        study.propose(CHOICES, space_of, attempt)

    assert stored(path).trials == []
    assert study.unfinished() == {} and study.records() == []


def test_a_proposal_lies_in_the_space_of_its_pair(path):
    study = Study(path, 0)
    for attempt in range(12):
        params = study.propose(CHOICES, space_of, attempt)
        space = space_for(params)
        assert set(params) == set(space)
        assert all(space[name].holds(value) for name, value in params.items())


def test_the_same_seed_proposes_the_same_and_another_another(tmp_path):
    first, again, other = (
        Study(tmp_path / name, seed).propose(CHOICES, space_of, 0) for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    )

    assert first == again != other


def test_another_attempt_proposes_something_else(path):
    study = Study(path, 0)

    assert study.propose(CHOICES, space_of, 0) != study.propose(CHOICES, space_of, 1)


def test_a_restarted_search_does_not_repeat_its_proposals(path):
    started = []
    for _ in range(4):  # each of them a new driver
        study = Study(path, 3)
        params = study.propose(CHOICES, space_of, 0)
        run(study, params, score=0.5)
        started.append(params)

    assert len({tuple(sorted(params.items())) for params in started}) == len(started)


def test_proposals_learn_from_outcomes_also_after_reopening(path):
    space = {"x": Float(0.0, 1.0, default=0.5)}
    choices = {"backbone": Choice(("toy/wide",)), "strategy": Choice(("toy",))}
    study = Study(path, 0)
    for _ in range(20):
        params = study.propose(choices, lambda backbone, strategy: space, 0)
        number = study.start(params, {**choices, **space})
        study.finish(record(number, score=-abs(params["x"] - 0.8)))

    reopened = Study(path, 0)
    drawn = [reopened.propose(choices, lambda backbone, strategy: space, attempt)["x"] for attempt in range(6)]

    assert sum(abs(x - 0.8) for x in drawn) / len(drawn) < 0.15  # at random it would be 0.34


def test_a_trial_that_a_killed_driver_left_is_found_with_its_parameters(path):
    study = Study(path, 0)
    run(study)
    number = study.start({**PARAMS, "toy.stop.max_epochs": 6}, space_for(PARAMS))

    reopened = Study(path, 0)
    assert reopened.unfinished() == {number: {**PARAMS, "toy.stop.max_epochs": 6}}
    assert [ended.number for ended in reopened.records()] == [0]

    reopened.finish(record(number, score=0.8))
    assert Study(path, 0).unfinished() == {}
    assert stored(path).best_trial.number == number


def test_a_driver_killed_while_it_starts_a_trial_leaves_no_half_trial(path):
    other = {**PARAMS, "toy.optim.lr": 0.07}
    for commit in range(8):
        start_and_be_killed(path, PARAMS, commit=commit)

        study = Study(path, 0)
        assert all(params == PARAMS for params in study.unfinished().values())
        for left in study.unfinished():
            study.finish(record(left))
        number = study.start(other, space_for(other))
        assert study.unfinished() == {number: other}
        study.finish(record(number))

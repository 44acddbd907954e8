"""What study and sampler remember together, what is proposed, and what is never stored."""

from __future__ import annotations

import itertools
import math
import os
import sqlite3
import warnings

import optuna
import pytest
from sqlalchemy import Engine, event

from autosft.contracts.record import Epoch, Record
from autosft.contracts.space import Choice, Float, Int
from autosft.search.memory.sampler import EXPLORE_AFTER, Sampler
from autosft.search.memory.study import Study, sqlite_url
from autosft.search.memory.trials import Trials
from autosft.search.space import recipe_of

CHOICES = {"backbone": Choice(("tiny/wide", "tiny/narrow")), "strategy": Choice(("toy", "other"))}
PARAMS = {"backbone": "tiny/wide", "strategy": "toy", "toy.optim.lr": 0.02, "toy.stop.max_epochs": 4}


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


def opened(path, seed=0):
    """Trials and sampler, as a driver opens them."""
    sampler = Sampler(seed)
    return Trials(Study(sqlite_url(path), "autosft"), sampler, seed), sampler


def run(trials, params=PARAMS, **outcome):
    ended = record(trials.start(params, space_for(params)), params, **outcome)
    trials.note(ended)
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
        (trials, _), commits = opened(path), itertools.count()
        event.listen(Engine, "commit", lambda connection: next(commits) == commit and os._exit(0))
        trials.start(params, space_for(params))
        os._exit(0)
    os.waitpid(child, 0)


def stored(path):
    return optuna.load_study(study_name="autosft", storage=f"sqlite:///{path}")


def test_records_survive_reopening(path):
    trials, _ = opened(path)
    written = [
        run(trials, score=0.4),
        run(trials, {**PARAMS, "toy.optim.lr": 0.05}, score=None, state="diverged"),
        run(trials, {"backbone": "tiny/narrow", "strategy": "other", "other.depth": 7}, score=0.9),
    ]

    assert trials.ended == opened(path)[0].ended == written


def test_optuna_opens_the_file_as_it_is(path):
    trials, _ = opened(path)
    run(trials, score=0.4)
    run(trials, {"backbone": "tiny/narrow", "strategy": "other", "other.depth": 7}, score=0.9)

    found = stored(path)

    assert found.direction == optuna.study.StudyDirection.MAXIMIZE
    assert [trial.value for trial in found.trials] == [0.4, 0.9]
    assert found.trials[0].params == PARAMS
    assert found.best_trial.number == 1 and found.best_params["other.depth"] == 7


def test_a_failed_trial_is_never_best(path):
    trials, _ = opened(path)
    run(trials, score=0.1)
    for state in ("failed", "diverged", "out_of_memory", "interrupted"):
        run(trials, score=0.99, state=state)

    assert stored(path).best_trial.number == 0
    assert [trial.state.name for trial in stored(path).trials] == ["COMPLETE", *["FAIL"] * 4]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_fails_the_trial(path, score):
    trials, _ = opened(path)
    run(trials, score=0.1)
    run(trials, score=score)

    assert stored(path).best_trial.number == 0
    assert opened(path)[0].ended[1].score is None


def test_a_proposal_is_not_stored(path):
    trials, sampler = opened(path)
    for attempt in range(3):
        sampler.propose(CHOICES, space_of, 0, attempt)

    assert stored(path).trials == []
    assert trials.started == 0 and trials.ended == []


def test_a_proposal_lies_in_the_space_of_its_pair(path):
    _, sampler = opened(path)
    for attempt in range(12):
        params = sampler.propose(CHOICES, space_of, 0, attempt)
        space = space_for(params)
        assert set(params) == set(space)
        assert all(space[name].holds(value) for name, value in params.items())


def test_the_same_seed_proposes_the_same_and_another_another(tmp_path):
    first, again, other = (
        opened(tmp_path / name, seed)[1].propose(CHOICES, space_of, 0, 0)
        for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    )

    assert first == again != other


def test_another_attempt_proposes_something_else(path):
    _, sampler = opened(path)

    assert sampler.propose(CHOICES, space_of, 0, 0) != sampler.propose(CHOICES, space_of, 0, 1)


def test_a_restarted_search_does_not_repeat_its_proposals(path):
    started = []
    for _ in range(4):  # each of them a new driver
        trials, sampler = opened(path, 3)
        params = sampler.propose(CHOICES, space_of, trials.started, 0)
        run(trials, params, score=0.5)
        started.append(params)

    assert len({tuple(sorted(params.items())) for params in started}) == len(started)


def test_proposals_learn_from_outcomes_also_after_reopening(path):
    space = {"x": Float(0.0, 1.0, default=0.5)}
    choices = {"backbone": Choice(("tiny/wide",)), "strategy": Choice(("toy",))}
    trials, sampler = opened(path)
    for _ in range(40):
        params = sampler.propose(choices, lambda backbone, strategy: space, trials.started, 0)
        number = trials.start(params, {**choices, **space})
        trials.note(record(number, score=-abs(params["x"] - 0.8)))

    _, sampler = opened(path)
    drawn = [sampler.propose(choices, lambda backbone, strategy: space, 40, attempt)["x"] for attempt in range(12)]

    assert sum(abs(x - 0.8) for x in drawn) / len(drawn) < 0.2  # at random it would be 0.34


def test_a_trial_that_a_killed_driver_left_is_found_with_its_parameters(path):
    trials, _ = opened(path)
    run(trials)
    number = trials.start({**PARAMS, "toy.stop.max_epochs": 6}, space_for(PARAMS))

    reopened, _ = opened(path)
    assert reopened.cut_off == [number] and reopened.recipe(number).stop.max_epochs == 6
    assert [ended.number for ended in reopened.ended] == [0]

    reopened.note(record(number, score=0.8))
    assert opened(path)[0].cut_off == []
    assert stored(path).best_trial.number == number


def test_a_driver_killed_while_it_starts_a_trial_leaves_no_half_trial(path):
    other = {**PARAMS, "toy.optim.lr": 0.07}
    for commit in range(8):
        start_and_be_killed(path, PARAMS, commit=commit)

        trials, _ = opened(path)
        for left in trials.cut_off:
            assert trials.recipe(left).optim.lr == PARAMS["toy.optim.lr"]
            trials.note(record(left))
        number = trials.start(other, space_for(other))
        assert opened(path)[0].cut_off == [number]
        trials.note(record(number))


def paused(number, score, epochs=2):
    curve = tuple(Epoch(stage="s", number=n + 1, loss=1.0, score=score, seconds=1.0) for n in range(epochs))
    return record(number, score=score, state="paused").model_copy(update={"epochs": curve})


def test_a_paused_trial_waits_with_its_curve_and_goes_on_after_reopening(path):
    trials, _ = opened(path)
    number = trials.start(PARAMS, space_for(PARAMS))
    trials.note(paused(number, 0.7))

    assert [trial.state.name for trial in stored(path).trials] == ["WAITING"]
    assert stored(path).trials[0].intermediate_values == {1: 0.7, 2: 0.7}
    trials, _ = opened(path)
    assert (
        trials.cut_off == []
        and [paused_record.number for paused_record in trials.paused] == [number]
        and trials.ended == []
    )
    trials.resume(number)
    assert trials.paused == [] and trials.paused_record(number) and [known.number for known in trials.known] == [number]
    assert opened(path)[0].cut_off == [number]
    trials.note(record(number, score=0.9))
    assert stored(path).best_value == 0.9 and trials.known == trials.ended


def test_the_sampler_learns_from_paused_trials_and_again_when_they_go_on(path):
    space = {"x": Float(0.0, 1.0, default=0.5)}
    choices = {"backbone": Choice(("tiny/wide",)), "strategy": Choice(("toy",))}

    def drawn(sampler):
        return [sampler.propose(choices, lambda backbone, strategy: space, 30, attempt)["x"] for attempt in range(8)]

    trials, sampler = opened(path)
    numbers = {}
    for step in range(21):
        x = step / 20
        number = trials.start({"backbone": "tiny/wide", "strategy": "toy", "x": x}, {**choices, **space})
        trials.note(paused(number, 1 - abs(x - 0.2)))
        numbers[number] = x
    assert sum(abs(x - 0.2) for x in drawn(sampler)) / 8 < 0.15  # at random it would be 0.34
    for number, x in numbers.items():
        trials.resume(number)
        trials.note(paused(number, 3 - abs(x - 0.9), epochs=6))
    assert sum(abs(x - 0.9) for x in drawn(sampler)) / 8 < 0.15
    assert sum(abs(x - 0.9) for x in drawn(opened(path)[1])) / 8 < 0.15


def test_sqlite_keeps_a_write_ahead_log(path):
    run(opened(path)[0])

    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_when_what_is_believed_to_be_best_is_all_tried_something_else_is_proposed(path):
    choices = {"backbone": Choice(("a", "b")), "strategy": Choice(("good", "bad"))}
    trials, sampler = opened(path)
    for number in range(30):
        params = {"backbone": "ab"[number % 2], "strategy": "good" if number % 3 else "bad"}
        ended = record(trials.start(params, choices), params, score=0.9 if number % 3 else 0.1)
        trials.note(ended)

    late = [sampler.propose(choices, lambda backbone, strategy: {}, 30, EXPLORE_AFTER + n) for n in range(20)]

    assert {params["strategy"] for params in late} == {"good", "bad"}


def test_a_trial_whose_record_was_stored_before_the_driver_was_killed_is_over(path):
    trials, _ = opened(path)
    number = trials.start(PARAMS, space_for(PARAMS))
    ended = record(number, score=0.6)
    storage = optuna.storages.RDBStorage(sqlite_url(path))
    storage.set_trial_user_attr(stored(path).trials[number]._trial_id, "record", ended.model_dump_json())

    reopened, _ = opened(path)

    assert reopened.cut_off == [] and reopened.ended == [ended]
    assert stored(path).best_value == 0.6

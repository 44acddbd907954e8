"""What is kept on disk, and what a quota costs."""

from __future__ import annotations

import threading

import pytest

from autosft.contracts.document import write_whole
from autosft.contracts.record import Epoch, Record
from autosft.contracts.space import Choice
from autosft.deploy.bundle import MEMBER
from autosft.search.memory.sampler import Sampler
from autosft.search.memory.study import Study, sqlite_url
from autosft.search.memory.trials import Trials
from autosft.search.outcome.disk import KEPT_MODELS, Disk
from autosft.search.space import recipe_of

SIZE = 1000
PAIR = {"backbone": "tiny/wide", "strategy": "toy"}


@pytest.fixture
def run(tmp_path, make_run):
    run = make_run(tmp_path / "run")
    yield run
    run.close()


@pytest.fixture
def trials(run, task, plan, registry):
    return Trials(Study(sqlite_url(run.folder / "study.db"), "autosft"), Sampler(0), 0)


@pytest.fixture
def add(run, trials):
    """A function that adds a trial with a heavy file, as a worker leaves it."""

    def add(score, state="done"):
        number = trials.start(PAIR, {name: Choice((value,)) for name, value in PAIR.items()})
        epoch = Epoch(stage="s", number=1, loss=1.0, score=score, seconds=1.0)
        recipe = recipe_of(PAIR, 0)
        record = Record(number=number, state=state, recipe=recipe, score=score, epochs=(epoch,))
        trials.note(record)
        run.trial_folder(number).mkdir(parents=True)
        (run.trial_folder(number) / "heavy").write_bytes(b"0" * SIZE)
        if state == "done":
            (run.trial_folder(number) / MEMBER).touch()
        return number

    return add


def heavy(run):
    return sorted(int(path.parent.name) for path in run.folder.glob("trials/*/heavy"))


def test_only_the_best_few_models_are_kept_and_all_that_is_paused(run, trials, add, registry):
    scores = [0.1, 0.5, 0.9, 0.7, 0.8]
    for score in scores:
        add(score)
    paused = add(0.3, "paused")
    disk = Disk(run, registry, trials, 1e9)

    assert disk.tidy() == []
    assert heavy(run) == [2, 3, 4, paused] and disk.used == (KEPT_MODELS + 1) * SIZE


def test_beyond_the_quota_the_worst_paused_trials_are_given_up(run, trials, add, registry):
    done = add(0.5)
    paused = [add(score, "paused") for score in (0.6, 0.2, 0.4)]
    disk = Disk(run, registry, trials, 2.5 * SIZE)

    stopped = disk.tidy()

    assert [(record.number, record.state) for record in stopped] == [(paused[1], "stopped"), (paused[2], "stopped")]
    assert heavy(run) == [done, paused[0]] and disk.used == 2 * SIZE


def test_at_the_least_the_model_that_may_be_chosen_is_kept(run, trials, add, registry):
    best = [add(score) for score in (0.5, 0.9, 0.7)][1]
    disk = Disk(run, registry, trials, 1.0)

    disk.tidy()

    assert heavy(run) == [best]


def test_trials_without_a_model_take_no_place_of_those_that_have_one(run, trials, add, registry):
    for number in [add(score) for score in (0.9, 0.8, 0.7, 0.6)]:
        (run.trial_folder(number) / MEMBER).unlink()
    there = [add(score) for score in (0.5, 0.4)]
    disk = Disk(run, registry, trials, 1e9)

    disk.tidy()

    assert heavy(run) == there


def test_what_encoders_take_is_measured_while_one_is_written(run):
    stop = threading.Event()

    def write():
        while not stop.is_set():
            write_whole(run.folder / "starts" / "one" / "last.pt", b"0" * SIZE)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(run.bytes_of_starts() <= 2 * SIZE for _ in range(3000))
    finally:
        stop.set()
        writer.join()

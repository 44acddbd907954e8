"""A system clock that is set a day forward or back while a search runs, by libfaketime. Skipped where it is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from autosft.contracts.record import Record, Result
from autosft.search.memory.study import sqlite_url

pytestmark = [pytest.mark.usefixtures("plugins"), pytest.mark.slow]

DRIVER = """
import itertools, os, signal, sys, time
from pathlib import Path
from autosft.search.driver import run_search

points, run, offset, budget, trials, offsets, last = sys.argv[1:]
offsets = itertools.cycle(offsets.split())
started = time.time() - time.monotonic()

def callback(event):
    record = getattr(event, "record", None)
    what = f"{type(event).__name__}:{record.number if record else getattr(event, 'number', '')}"
    if what == last:
        os.kill(os.getpid(), signal.SIGKILL)
    if what.startswith("EpochFinished"):
        for to in itertools.islice(offsets, 1):
            Path(offset + ".new").write_text(to)
            os.replace(offset + ".new", offset)
    days = round((time.time() - time.monotonic() - started) / 86400)
    print(f"{days:+d} {what} {getattr(record, 'error', getattr(event, 'text', ''))}", flush=True)

run_search(points, run=run, budget=float(budget) or None, trials=int(trials) or None, threads=1, device="cpu",
           strategies=["sleeps"], callback=callback)
"""

SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds)
"""
"""libfaketime 0.9.10 takes the absolute times of `clock_nanosleep` for those of a clock that it changes."""


@pytest.fixture
def search(points, tmp_path):
    """A function that searches with a clock of its own, and gives the lines that were said.

    The clock begins with an offset and is set to the next of `offsets` after each epoch, in turn. The search is killed
    when it has said `last`.
    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("libfaketime is not installed (Debian's package faketime)")
    offset = tmp_path / "offset"
    (tmp_path / "sitecustomize.py").write_text(SLEEP)
    clock = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]),
    }

    def run(start, *, budget=0.0, trials=0, offsets="", last="", code=0):
        offset.write_text(start)
        command = [sys.executable, "-c", DRIVER, points, tmp_path / "run", offset, budget, trials, offsets, last]
        done = subprocess.run(
            list(map(str, command)), env={**os.environ, **clock}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stdout.splitlines()

    return run


def records(folder):
    return [Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))]


def test_a_clock_set_a_day_forward_and_two_days_back_ends_no_search_no_trial_and_no_lease(search, tmp_path):
    started = time.monotonic()
    said = search("+0", budget=45.0, offsets="+1d -1d")
    wall = time.monotonic() - started

    days = [line.split()[0] for line in said if "EpochFinished" in line]
    assert days[:4] == ["+1", "-1", "+1", "-1"], said
    assert not [line for line in said if "lost" in line]
    assert all(record.state in ("done", "paused") and record.epochs for record in records(tmp_path / "run"))
    result = Result.read(tmp_path / "run" / "result.json")
    assert result.test is not None and 20.0 < result.seconds["total"] <= wall <= 45.0 * 1.02 + 3.0


def test_a_killed_search_goes_on_after_the_clock_was_set_two_days_back(search, tmp_path):
    started = time.monotonic()
    search("+1d", trials=3, last="EpochFinished:1", code=-9)
    before = records(tmp_path / "run")
    said = search("-1d", trials=3)
    wall = time.monotonic() - started

    ended = records(tmp_path / "run")
    for then, now in zip(before, ended, strict=False):
        assert now.epochs[: len(then.epochs)] == then.epochs and (then.state == "paused" or now == then)
    assert before and not [line for line in said if line.endswith("TrialStarted:0") or "lost" in line]
    for record in ended:
        assert [epoch.number for epoch in record.epochs] == list(range(1, len(record.epochs) + 1))
    result = Result.read(tmp_path / "run" / "result.json")
    assert sum(result.trials.values()) == len(ended) == 3 and 0.0 < result.seconds["total"] <= wall
    study = optuna.load_study(study_name="autosft", storage=sqlite_url(tmp_path / "run" / "study.db"))
    assert [trial.number for trial in study.trials] == [0, 1, 2] and study.best_value == result.valid
    study._storage.remove_session()

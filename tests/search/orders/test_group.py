"""A worker of several processes: all of them are one to the driver."""

import contextlib
import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from autosft.builtin.processes import Processes
from autosft.contracts.executor import Order
from autosft.testing.trials import quick_recipe


@pytest.fixture
def pool(plugins, tmp_path):
    """A worker of two processes."""
    log = str(tmp_path / "worker.log")
    with closing(Processes().open(slots=1, threads=1, device="cpu", processes=2, log=log)) as pool:
        yield pool


def order(run, token, strategy="toy", epochs=3):
    recipe = quick_recipe(strategy, epochs=epochs)
    return Order(run=str(run.folder), trial=len(token), token=token, recipe=recipe, seconds=None)


def until(pool, *kinds, seconds=120.0):
    """Events up to the first of some kinds."""
    events, deadline = [], time.monotonic() + seconds
    while not any(event.kind in kinds for event in events):
        assert time.monotonic() < deadline, events
        events += pool.events(timeout=0.2)
    return events


def living():
    """The parent of each process that lives."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(path.parent.name)] = int(parent)
    return found


def children(parent):
    """The processes that a process has started."""
    return [pid for pid, its_parent in living().items() if its_parent == parent]


def test_two_processes_train_a_trial_and_both_end_with_the_pool(make_run, pool, tmp_path):
    with closing(make_run(tmp_path / "run")) as run:
        pool.submit(order(run, "one"))
        *_, done = until(pool, "done", "lost")
        (first,) = [pid for pid in children(os.getpid()) if children(pid)]
        both = [first, *children(first)]
        pool.submit(order(run, "raises", "raises"))
        *_, raised = until(pool, "done", "lost")
        pool.submit(order(run, "three"))
        *_, again = until(pool, "done", "lost")

    assert done.body["state"] == again.body["state"] == "done" and len(both) == 2, done
    assert raised.body["state"] == "failed" and "the part is out of order" in raised.body["error"]
    pool.close()
    deadline = time.monotonic() + 10
    while living().keys() & set(both):
        assert time.monotonic() < deadline, both
        time.sleep(0.1)


def test_when_one_of_its_processes_dies_the_worker_is_lost_and_another_takes_the_next_order(make_run, pool, tmp_path):
    with closing(make_run(tmp_path / "run")) as run:
        pool.submit(order(run, "endless", epochs=100_000))
        until(pool, "epoch")
        (first,) = [pid for pid in children(os.getpid()) if children(pid)]
        (other,) = children(first)
        os.kill(other, signal.SIGKILL)
        *_, lost = until(pool, "done", "lost")
        assert lost.kind == "lost" and lost.body["reason"] == "killed by signal 9"

        pool.submit(order(run, "next"))
        *_, done = until(pool, "done", "lost")

    assert done.kind == "done" and done.body["state"] == "done"


def test_a_process_that_fails_before_it_meets_the_others_fails_the_trial_and_is_not_waited_for(
    make_run, pool, tmp_path
):
    with closing(make_run(tmp_path / "run")) as run:
        pool.submit(
            order(run, "alone", "still")
        )  # the first process knows the run from here on, and the other does not
        until(pool, "done", "lost")
        whole = (run.folder / "run.json").read_bytes()
        (run.folder / "run.json").write_bytes(whole[: len(whole) // 2])
        pool.submit(order(run, "apart"))
        *_, apart = until(pool, "done", "lost")
        (run.folder / "run.json").write_bytes(whole)
        pool.submit(order(run, "together"))
        *_, together = until(pool, "done", "lost")

    assert apart.body["state"] == "failed" and "process 2 of 2: " in apart.body["error"]
    assert "run.json" in apart.body["error"]
    assert together.kind == "done" and together.body["state"] == "done"

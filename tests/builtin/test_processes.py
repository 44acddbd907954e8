"""What is special to the local executor; what every executor promises is in `autosft.testing.conformance.executor`.

Most tests start a worker that speaks the protocol without training, so that they take no time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from autosft.builtin.processes import Processes
from autosft.contracts.executor import Order
from autosft.contracts.recipe import Recipe

WORKER = """\
#!{python} -S
import json, os, signal, sys, time
for line in sys.stdin:
    order = json.loads(line)
    say = lambda kind, **body: print(json.dumps(dict(token=order["token"], kind=kind, body=body)), flush=True)
    what = order["recipe"]["strategy"]
    if what == "ignores":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = os.fork() if what == "forks" else 0  # as loaders of batches do; it holds on to the pipe
    if what == "forks" and not child:
        time.sleep(3600)
    say("epoch", pid=os.getpid(), child=child)
    if what == "babbles":
        print("this is no event", flush=True)
    if what == "leaves":
        sys.exit(3)
    while what in ("hangs", "forks", "ignores"):
        time.sleep(0.1)
    say("done", number=order["trial"])
"""

DEAF = """\
#!/bin/sh
exec <&-
exec sleep 1
"""


def order(token, strategy="works"):
    recipe = Recipe(backbone="tiny/wide", strategy=strategy)
    return Order(run="/nowhere", trial=7, token=token, recipe=recipe, seconds=None)


def until(pool, kind, seconds=60.0):
    """Events up to the first of a kind."""
    events, deadline = [], time.monotonic() + seconds
    while not any(event.kind == kind for event in events):
        assert time.monotonic() < deadline, events
        events += pool.events(timeout=0.2)
    return events


def gone(*pids, seconds=10.0):
    """Whether processes end within some seconds."""
    deadline = time.monotonic() + seconds
    while alive := [pid for pid in pids if _state(pid) not in ("Z", "")]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return not alive


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@pytest.fixture
def open_pool(tmp_path, monkeypatch):
    """A function that opens a pool whose workers are a program; all pools are closed after the test."""
    pools = []

    def start(program, slots=1):
        path = tmp_path / "worker"
        path.write_text(textwrap.dedent(program).replace("{python}", sys.executable))
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))
        pools.append(
            Processes().open(
                slots=slots, threads=1, device="cpu", processes=1, log=str(tmp_path / "logs" / "worker.log")
            )
        )
        return pools[-1]

    yield start
    for pool in pools:
        pool.close()


def test_one_process_serves_many_orders(open_pool):
    pool, pids = open_pool(WORKER), set()
    for token in "abc":
        pool.submit(order(token))
        pids.add(until(pool, "done")[0].body["pid"])

    assert len(pids) == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("leaves", "exit status 3"),
        ("babbles", r"it sent b'this is no event\n', which is no event"),
        ("hangs", "killed by signal 9"),
    ],
)
def test_how_a_worker_went_is_told(open_pool, how, reason):
    pool = open_pool(WORKER)
    pool.submit(order("gone", how))
    if how == "hangs":
        os.kill(until(pool, "epoch")[0].body["pid"], signal.SIGKILL)

    lost = until(pool, "lost")[-1]
    assert (lost.token, lost.body) == ("gone", {"reason": reason, "out_of_memory": False})
    pool.submit(order("next"))
    assert until(pool, "done")[-1].token == "next"


def test_a_worker_that_dies_between_orders_is_replaced(open_pool):
    pool = open_pool(WORKER)
    pool.submit(order("first"))
    pid = until(pool, "done")[0].body["pid"]
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    time.sleep(0.2)

    pool.submit(order("second"))
    assert until(pool, "done")[-1].token == "second"


@pytest.mark.parametrize("how", ["it is killed", "it is cancelled", "the pool is closed"])
def test_what_a_worker_has_started_ends_with_it(open_pool, how):
    pool = open_pool(WORKER)
    pool.submit(order("parent", "forks"))
    pids = until(pool, "epoch")[0].body
    if how == "the pool is closed":
        pool.close()
    else:
        os.kill(pids["pid"], signal.SIGKILL) if how == "it is killed" else pool.cancel("parent")
        assert until(pool, "lost", seconds=5.0)[-1].token == "parent"

    assert gone(pids["pid"], pids["child"])


def test_closing_takes_no_longer_for_many_that_must_be_forced_than_for_one(open_pool):
    pool = open_pool(WORKER, slots=6)
    for token in "abcdef":
        pool.submit(order(token, "ignores"))
    pids = set()
    while len(pids) < 6:
        pids |= {event.body["pid"] for event in pool.events(timeout=1.0)}
    started = time.monotonic()

    pool.close()

    assert time.monotonic() - started < 3.0 and gone(*pids)


def test_a_worker_that_no_longer_listens_loses_its_order_and_the_slot_is_used_again(open_pool):
    pool = open_pool(DEAF)
    time.sleep(0.3)
    pool.submit(order("unheard"))

    assert until(pool, "lost")[-1].token == "unheard"
    pool.submit(order("next"))


@pytest.mark.slow
def test_a_real_worker_ends_when_its_driver_is_gone():
    command = [sys.executable, "-m", "autosft", "worker", "--threads", "1", "--device", "cpu"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as orphan:
        orphan.communicate(b"", timeout=60)

    assert orphan.returncode == 0

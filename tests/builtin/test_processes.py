"""What the local executor promises of its child processes: order, loss, cancelling, and that none stays behind.

Most tests start a worker that speaks the protocol without training, so that they take no time; one trains.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.processes import Processes
from autosft.contracts.executor import Order
from autosft.contracts.recipe import Recipe, Stop
from autosft.contracts.record import Record
from autosft.data.splits import split
from autosft.search.plan import make_plan
from autosft.search.recognize import recognize, with_metric
from autosft.search.run import Run, RunDocument
from autosft.search.spec import SearchSpec
from autosft.testing import toy

WORKER = """\
#!{python} -S
import json, os, signal, sys, time
print("a library prints this", file=sys.stderr, flush=True)
for line in sys.stdin:
    order = json.loads(line)
    say = lambda kind, **body: print(json.dumps(dict(token=order["token"], kind=kind, body=body)), flush=True)
    what = order["recipe"]["strategy"]
    if what == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("epoch", number=1, pid=os.getpid())
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "babble":
        print("this is no event", flush=True)
    if what == "leave":
        sys.exit(3)
    while what in ("hang", "stubborn"):
        time.sleep(0.1)
    say("epoch", number=2)
    say("done", number=order["trial"])
"""

DEAF = """\
#!/bin/sh
exec <&-
exec sleep 1
"""


def order(token, strategy="work"):
    recipe = Recipe(backbone="toy/wide", strategy=strategy)
    return Order(run="/nowhere", trial=7, token=token, recipe=recipe, seconds=None)


def until(pool, kind, seconds=60.0):
    """Events up to the first of a kind."""
    events, deadline = [], time.monotonic() + seconds
    while not any(event.kind == kind for event in events):
        assert time.monotonic() < deadline, events
        events += pool.events(timeout=0.2)
    return events


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def open_pool(tmp_path, monkeypatch):
    """A function that opens a pool whose workers are a program; all pools are closed after the test."""
    pools = []

    def start(program, slots=1):
        path = tmp_path / "worker"
        path.write_text(textwrap.dedent(program).replace("{python}", sys.executable))
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))
        pools.append(Processes().open(slots=slots, threads=1, device="cpu", log=str(tmp_path / "logs" / "worker.log")))
        return pools[-1]

    yield start
    for pool in pools:
        pool.close()


def test_events_come_back_in_order_under_their_token(open_pool):
    pool = open_pool(WORKER)
    for token in ("first", "second"):
        pool.submit(order(token))
        events = until(pool, "done")

        assert [(event.kind, event.body["number"]) for event in events] == [("epoch", 1), ("epoch", 2), ("done", 7)]
        assert {event.token for event in events} == {token}


def test_a_worker_serves_many_orders(open_pool):
    pool, pids = open_pool(WORKER), set()
    for token in "abc":
        pool.submit(order(token))
        pool.cancel("another")  # which nobody works on
        pids.add(until(pool, "done")[0].body["pid"])

    assert len(pids) == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("die", "killed by signal 9"),
        ("leave", "exit status 3"),
        ("babble", r"it sent b'this is no event\n', which is no event"),
    ],
)
def test_a_worker_that_is_gone_loses_its_order_and_the_slot_is_used_again(open_pool, how, reason):
    pool = open_pool(WORKER)
    pool.submit(order("gone", how))

    lost = until(pool, "lost")[-1]
    assert (lost.token, lost.body) == ("gone", {"reason": reason, "out_of_memory": False})

    pool.submit(order("next"))
    assert until(pool, "done")[-1].token == "next"


def test_a_worker_that_dies_between_orders_is_replaced(open_pool):
    pool = open_pool(WORKER)
    pool.submit(order("first"))
    pid = until(pool, "done")[0].body["pid"]
    os.kill(pid, 9)
    while alive(pid):
        time.sleep(0.01)

    pool.submit(order("second"))
    assert until(pool, "done")[-1].token == "second"


@pytest.mark.parametrize(("how", "seconds"), [("hang", 1.5), ("stubborn", 5.0)])
def test_cancelling_ends_an_order_within_seconds_and_the_slot_is_used_again(open_pool, how, seconds):
    pool = open_pool(WORKER)
    pool.submit(order("long", how))
    until(pool, "epoch")
    started = time.monotonic()

    pool.cancel("long")

    assert [event.token for event in until(pool, "lost") if event.kind == "lost"] == ["long"]
    assert time.monotonic() - started < seconds
    pool.submit(order("next"))
    assert until(pool, "done")[-1].token == "next"


def test_slots_work_side_by_side_and_no_more_are_taken(open_pool):
    pool = open_pool(WORKER, slots=2)
    pool.submit(order("a", "hang"))
    pool.submit(order("b", "hang"))
    with pytest.raises(RuntimeError, match="slots"):
        pool.submit(order("c"))

    pids = set()
    while len(pids) < 2:
        pids |= {event.body["pid"] for event in pool.events(timeout=1.0)}


def test_waiting_for_events_ends_after_the_timeout(open_pool):
    started = time.monotonic()

    assert list(open_pool(WORKER).events(timeout=0.2)) == []
    assert 0.15 < time.monotonic() - started < 1.0


def test_closing_ends_all_children_and_says_nothing_of_their_orders(open_pool):
    pool = open_pool(WORKER, slots=2)
    pool.submit(order("a", "hang"))
    pool.submit(order("b", "stubborn"))
    pids = set()
    while len(pids) < 2:
        pids |= {event.body["pid"] for event in pool.events(timeout=1.0)}

    pool.close()

    assert not any(alive(pid) for pid in pids)
    assert not [event for event in pool.events(timeout=0.1) if event.kind == "lost"]


def test_what_a_worker_prints_goes_to_the_log(open_pool, tmp_path):
    pool = open_pool(WORKER)
    pool.submit(order("a"))
    until(pool, "done")

    assert "a library prints this" in (tmp_path / "logs" / "worker.log").read_text()


def test_a_worker_that_no_longer_listens_loses_its_order_and_the_slot_is_used_again(open_pool):
    pool = open_pool(DEAF)
    time.sleep(0.3)
    pool.submit(order("unheard"))

    assert until(pool, "lost")[-1].token == "unheard"
    pool.submit(order("next"))


@pytest.mark.slow
def test_a_real_worker_trains_and_ends_when_its_driver_is_gone(tmp_path, monkeypatch):
    toy.write_distribution(tmp_path / "plugins")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "plugins"), prepend=os.pathsep)
    monkeypatch.setenv("AUTOSFT_DISABLE_PLUGINS", "autosft-image,autosft-strategies")
    registry = toy.registry(Classification())
    source = toy.make_points(tmp_path / "clouds.points.json", rows=60)
    task = with_metric(recognize(source, registry)[0].task, "", registry)
    spec, problem = SearchSpec(budget=None, trials=1), registry.problem("classification")
    data = split(registry.modality("points").scan(task), problem, seed=0)
    plan = make_plan(task, registry, spec)
    document = RunDocument(task=task, spec=spec, plan=plan, fingerprint=data.fingerprint, versions={})
    run = Run.create(tmp_path / "run", document, data)
    recipe = Recipe(backbone="toy/wide", strategy="toy", stop=Stop(max_epochs=3))
    real = Order(run=str(run.folder), trial=0, token="real", recipe=recipe, seconds=None)

    command = [sys.executable, "-m", "autosft", "worker", "--threads", "1", "--device", "cpu"]
    pool = Processes().open(slots=1, threads=1, device="cpu", log=str(tmp_path / "worker.log"))
    try:
        pool.submit(real)
        events = until(pool, "done")
    finally:
        pool.close()
        run.close()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as orphan:
        orphan.communicate(b"", timeout=30)  # its driver is gone before the first order

    assert [event.body.get("number") for event in events if event.kind == "epoch"] == [1, 2, 3]
    record = Record.model_validate(events[-1].body)
    assert record.state == "done" and record.score is not None, record.error
    assert (run.trial_folder(0) / "member.json").exists()
    assert orphan.returncode == 0

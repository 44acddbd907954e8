"""Leases and fences, with real worker processes that speak the protocol but train nothing."""

from __future__ import annotations

import sys
import time

import pytest

from autosft.builtin.processes import Processes
from autosft.contracts.executor import Order
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Epoch
from autosft.search.orders import fleet as module
from autosft.search.orders.fleet import Fleet, cut_short, lost

WORKER = """\
#!{python} -S
import json, sys, time
for line in sys.stdin:
    order = json.loads(line)
    say = lambda token, kind, body={{}}: print(json.dumps(dict(token=token, kind=kind, body=body)), flush=True)
    if order["recipe"]["strategy"] == "late":
        say("an-earlier-order", "done")
    if order["recipe"]["strategy"] == "queue":
        time.sleep(60)
    say(order["token"], "started", dict(versions={{}}))
    if order["recipe"]["strategy"] == "slow":
        time.sleep(0.3)
    say(order["token"], "epoch", dict(stage="s", number=1, loss=1.0, score=0.5, seconds=1.0))
    while order["recipe"]["strategy"] == "hang":
        time.sleep(0.1)
    say(order["token"], "done")
"""


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    """Two workers."""
    path = tmp_path / "worker"
    path.write_text(WORKER.format(python=sys.executable))
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))
    pool = Processes().open(slots=2, threads=1, device="cpu", processes=1, log=str(tmp_path / "worker.log"))
    yield Fleet(pool)
    pool.close()


def order(token, strategy="work", seconds=None):
    return Order(run="/nowhere", trial=1, token=token, recipe=Recipe(backbone="b", strategy=strategy), seconds=seconds)


def until_idle(fleet, seconds=30.0):
    answers, deadline = [], time.monotonic() + seconds
    while fleet.busy:
        assert time.monotonic() < deadline, answers
        answers += fleet.answers(0.1)
    return answers


def test_workers_work_side_by_side(fleet):
    for token in ("one", "two"):
        fleet.send(order(token))
    assert fleet.free == 0 and {busy.token for busy in fleet.busy} == {"one", "two"}

    answers = until_idle(fleet)

    assert sorted((answer.order.token, answer.event.kind) for answer in answers) == [
        ("one", "done"),
        ("one", "epoch"),
        ("one", "started"),
        ("two", "done"),
        ("two", "epoch"),
        ("two", "started"),
    ]
    assert fleet.free == 2


def test_who_overstays_its_lease_is_ended_and_its_slot_is_used_again(fleet, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.3)
    started = time.monotonic()
    fleet.send(order("hanging", "hang", seconds=0.2))
    fleet.send(order("endless", "hang"))

    answers = []
    while not any(answer.event.kind == "lost" for answer in answers):
        answers += fleet.answers(0.1)

    lost = answers[-1]
    assert lost.order.token == "hanging" and lost.late and 0.5 <= lost.seconds < 5
    assert time.monotonic() - started < 5 and fleet.free == 1
    fleet.send(order("next"))
    while not any(answer.order.token == "next" and answer.event.kind == "done" for answer in answers):
        answers += fleet.answers(0.1)
    fleet.abandon()


def test_waiting_for_a_worker_is_no_work(fleet, monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.1)
    fleet.send(order("slow", "slow"))
    fleet.send(order("waiting", "queue", seconds=1.0))

    done, lost_one = sorted(
        (answer for answer in until_idle(fleet) if answer.event.kind in ("done", "lost")),
        key=lambda answer: answer.event.kind,
    )

    assert 0.0 < done.worked < done.seconds
    assert lost_one.late and lost_one.worked == 0.0 and lost_one.seconds > 1.0
    assert "it did not start in time" in lost(lost_one, 0.0).error


def test_late_answers_to_an_order_that_was_given_up_are_dropped(fleet):
    fleet.send(order("now", "late"))

    assert {answer.order.token for answer in until_idle(fleet)} == {"now"}


def test_after_abandoning_all_is_quiet_and_free(fleet):
    fleet.send(order("one", "hang"))
    fleet.send(order("two", "hang"))
    fleet.abandon()

    assert fleet.free == 2 and not fleet.busy and not fleet.answers(0.5)
    fleet.send(order("three"))
    assert until_idle(fleet)[-1].event.kind == "done"


def test_work_that_is_abandoned_stands_where_its_last_epoch_was(fleet):
    fleet.send(order("one", "hang"))
    while not any(answer.event.kind == "epoch" for answer in fleet.answers(0.5)):
        continue

    ((ended, epochs, seconds),) = fleet.abandon()

    assert fleet.free == 2 and ended.token == "one"
    standing = cut_short(ended, epochs, seconds, None)
    assert standing.state == "paused" and standing.score == 0.5 and len(standing.epochs) == 1
    assert cut_short(ended, [], seconds, None) is None
    assert cut_short(ended, [], seconds, standing) == standing  # where it had paused before
    assert cut_short(ended.model_copy(update={"work": "save"}), epochs, seconds, standing) is None
    paced = standing.model_copy(update={"seconds_per_row": {"train": 0.1}})
    assert cut_short(ended, epochs, seconds, paced).seconds_per_row == paced.seconds_per_row
    before = epochs[0].model_copy(update={"stage": "before"})
    more = cut_short(ended, [*epochs, *epochs], seconds, standing.model_copy(update={"epochs": (before, *epochs)}))
    assert [epoch.stage for epoch in more.epochs] == ["before", epochs[0].stage]


def test_what_was_heard_before_a_worker_was_lost_still_stands_when_its_order_is_sent_again(fleet):
    earlier = Epoch(stage="s", number=1, loss=1.0, score=0.7, seconds=1.0)
    fleet.send(order("again", "queue"), [earlier])

    ((ended, epochs, seconds),) = fleet.abandon()

    standing = cut_short(ended, epochs, seconds, None)
    assert standing.epochs == (earlier,) and standing.score == 0.7


def test_the_score_of_work_that_is_cut_short_is_that_of_the_stage_whose_weights_it_keeps():
    curve = [("head", 1, 0.9), ("all", 1, 0.6), ("all", 2, 0.7), ("all", 3, 0.5), ("rest", 1, None)]
    epochs = [Epoch(stage=stage, number=n, loss=1.0, score=score, seconds=1.0) for stage, n, score in curve]

    assert cut_short(order("one"), epochs, 1.0, None).score == 0.7

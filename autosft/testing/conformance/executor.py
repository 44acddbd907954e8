"""What every executor promises."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from autosft.contracts.executor import Event, Executor, Order, Pool
from autosft.contracts.recipe import Recipe, Stop
from autosft.contracts.record import Record
from autosft.testing import toy, trouble
from autosft.testing.conformance.promises import check_light

START_A_RUN = """
import sys
import autosft

def callback(event):
    if type(event).__name__ == "Planned":
        sys.exit()

options = {"budget": None, "trials": 1, "device": "cpu", "plugins": sys.argv[3:]}
autosft.run_search(sys.argv[1], run=sys.argv[2], callback=callback, **options)
"""
"""A search that ends where its first trial would begin: what workers need is there then. The run names the toy plugin
and the troublemakers as its plugins, so that workers load them whatever their environment."""

TOLD = 6
"""The last events that are told where one was waited for in vain."""


class ExecutorConformance:
    """Checks that an executor's workers take orders, tell of them in order, survive crashes and cancelling, and end
    when their pool is closed. A check that fails names what would make a search wait without end, or lose a trial.

    A subclass gives the fixture `executor`, a class method of the scope `"class"`:

        class TestElsewhere(ExecutorConformance):
            @pytest.fixture(scope="class")
            @classmethod
            def executor(cls):
                return Elsewhere()

    Its workers train tiny trials, some of which misbehave on purpose (`autosft.testing.trouble`). They must see the
    folders of this machine.

    Attributes:
        patience: The most seconds that a worker may take to start and train a tiny trial.
        hurry: The most seconds until work is over that was cancelled, or whose pool was closed.
        slots: How many orders are worked on at the same time, in the test that has more than one slot.
    """

    patience: ClassVar[float] = 60.0
    hurry: ClassVar[float] = 10.0
    slots: ClassVar[int] = 3

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A run's folder."""
        folder = tmp_path_factory.mktemp("executor")
        points = toy.make_points(folder / "clouds.points.json", rows=60)
        command = [sys.executable, "-c", START_A_RUN, str(points), str(folder / "run"), toy.__name__, trouble.__name__]
        subprocess.run(command, check=True)
        return folder / "run"

    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls) -> Executor:
        """The executor to test."""
        raise NotImplementedError("define the fixture `executor`")

    @pytest.fixture(scope="class")
    @classmethod
    def desk(cls, executor: Executor, run: Path) -> Iterator[_Desk]:
        """One worker, the same for most tests: after each it must be ready for the next."""
        pool = executor.open(slots=1, threads=1, device="cpu", processes=1, log=str(run.parent / "logs" / "worker.log"))
        yield _Desk(pool, run, cls.patience)
        pool.close()

    def test_it_has_a_name(self, executor: Executor) -> None:
        assert executor.name

    def test_offering_it_imports_nothing_heavy(self, executor: Executor) -> None:
        check_light(executor)

    def test_nothing_happens_without_an_order(self, desk: _Desk) -> None:
        assert desk.pool.slots == 1
        started = time.monotonic()
        assert not desk.pool.events(0.2)
        assert time.monotonic() - started < 5
        desk.pool.cancel("no-such-token")

    def test_an_order_gives_its_epochs_and_then_its_record(self, desk: _Desk) -> None:
        for _ in range(2):
            token = desk.submit("toy", epochs=3)
            desk.done(token)
            assert [event.kind for event in desk.of(token)] == ["started"] + ["epoch"] * 3 + ["done"]
            assert desk.of(token)[0].body["versions"]["torch"], "a worker says what it works with"
            assert [event.body["number"] for event in desk.of(token)[1:4]] == [1, 2, 3]

    def test_an_order_that_fails_gives_a_record_and_its_traceback_is_in_the_log(self, desk: _Desk) -> None:
        record = desk.record(desk.submit("raises"))
        assert record.state == "failed", f"it must fail, and is {record.state}"
        assert "the part is out of order" in record.error, f"its error is another one: {record.error}"
        assert "the part is out of order" in (desk.run.parent / "logs" / "worker.log").read_text()
        desk.done(desk.submit("still"))

    def test_a_worker_that_dies_loses_its_order_and_its_slot_is_free_again(self, desk: _Desk) -> None:
        token = desk.submit("dies", epochs=3)
        desk.lost(token)
        assert [event.kind for event in desk.of(token)] == ["started", "epoch", "lost"]
        desk.done(desk.submit("still"))

    def test_an_endless_order_is_ended_by_force_and_its_slot_is_free_at_once(self, desk: _Desk) -> None:
        token = desk.submit("hangs")
        desk.wait_for_beats()
        started = time.monotonic()
        desk.pool.cancel(token)
        following = desk.submit("still")
        desk.lost(token)
        assert time.monotonic() - started < self.hurry
        desk.check_over()
        desk.done(following)

    def test_an_order_that_is_cancelled_before_it_is_begun_is_lost(self, desk: _Desk) -> None:
        token = desk.submit("toy", epochs=1000)
        desk.pool.cancel(token)
        desk.lost(token)
        desk.done(desk.submit("still"))

    def test_cancelling_what_is_over_or_unknown_does_no_harm(self, desk: _Desk) -> None:
        over = desk.submit("still")
        desk.done(over)
        token = desk.submit("toy", epochs=3)
        for other in (over, "no-such-token"):
            desk.pool.cancel(other)
        desk.done(token)
        assert [event.kind for event in desk.of(over)] == ["started", "done"]

    def test_late_events_of_a_cancelled_order_are_never_events_of_another(self, desk: _Desk) -> None:
        """It is cancelled amid its epochs, and once more when it may just have ended."""
        for last in (1, 4):
            cancelled = desk.submit("toy", epochs=4)
            desk.wait_for(lambda token=cancelled, last=last: len(desk.of(token)) > last)
            desk.pool.cancel(cancelled)
            token = desk.submit("toy", epochs=2)
            desk.done(token)
            assert [event.kind for event in desk.of(token)] == ["started", "epoch", "epoch", "done"]
            assert sum(event.kind in ("done", "lost") for event in desk.of(cancelled)) == 1

    def test_all_slots_work_at_the_same_time_until_the_pool_is_closed(self, executor: Executor, run: Path) -> None:
        pool = executor.open(
            slots=self.slots, threads=1, device="cpu", processes=1, log=str(run.parent / "logs" / "many.log")
        )
        try:
            desk = _Desk(pool, run, self.patience, trials=100)
            assert pool.slots == self.slots
            under_way = {desk.submit("meets", company=self.slots) for _ in range(self.slots)}
            for _ in range(self.slots):  # more orders than slots, each as soon as a slot is free
                token = desk.first_over(under_way)
                under_way = under_way - {token} | {desk.submit("toy", epochs=2)}
            for token in list(desk.orders):
                desk.done(token)
            for _ in range(self.slots):
                desk.submit("hangs")
                desk.wait_for_beats()
            with pytest.raises(RuntimeError):
                desk.submit("still")
        finally:
            started = time.monotonic()
            pool.close()
        assert time.monotonic() - started < self.hurry
        desk.check_over()
        assert not [event for event in pool.events(0.1) if event.kind in ("done", "lost")], "a closed pool says no more"
        pool.close()


class _Desk:
    """Hands orders to a pool, and keeps what comes back."""

    def __init__(self, pool: Pool, run: Path, patience: float, *, trials: int = 0) -> None:
        self.pool, self.run, self._patience = pool, run, patience
        self.orders: dict[str, Order] = {}
        self._heard: list[Event] = []
        self._trials = trials

    def submit(self, strategy: str, *, epochs: int = 1, **own: int) -> str:
        """Hand over an order for a trial of its own; its token."""
        number = self._trials + len(self.orders)
        token = f"order-{number}"
        given: Mapping[str, Mapping[str, int]] = {strategy: own} if own else {}
        stop = Stop(max_epochs=epochs, patience=epochs)
        recipe = Recipe(backbone="tiny/narrow", strategy=strategy, own=given, stop=stop)
        order = Order(run=str(self.run), trial=number, token=token, recipe=recipe, seconds=None)
        self.pool.submit(order)
        self.orders[token] = order
        return token

    def listen(self) -> None:
        """Wait a moment for events."""
        events = self.pool.events(0.2)
        assert {event.token for event in events} <= set(self.orders), "events of an order that nobody gave"
        self._heard += events

    def of(self, token: str) -> list[Event]:
        """All that was heard of an order."""
        return [event for event in self._heard if event.token == token]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Listen until a condition holds."""
        deadline = time.monotonic() + self._patience
        while not condition():
            assert time.monotonic() < deadline, (
                f"nothing came of it within {self._patience:.0f} seconds; the last events: {_told(self._heard[-TOLD:])}"
            )
            self.listen()

    def ending(self, token: str) -> Event:
        """What ended an order."""
        self.wait_for(lambda: bool(self._over({token})))
        return self._over({token})[0]

    def lost(self, token: str) -> None:
        """The order is lost, and says why."""
        event = self.ending(token)
        assert event.kind == "lost", f"it must be lost, and ended so: {_told([event])}"
        assert event.body["reason"], "a lost order says why"

    def first_over(self, tokens: set[str]) -> str:
        """The order of several that has ended first."""
        self.wait_for(lambda: bool(self._over(tokens)))
        return self._over(tokens)[0].token

    def _over(self, tokens: set[str]) -> list[Event]:
        return [event for event in self._heard if event.token in tokens and event.kind in ("done", "lost")]

    def record(self, token: str) -> Record:
        """The record of an order."""
        event = self.ending(token)
        assert event.kind == "done", f"it must be done, and ended so: {_told([event])}"
        record = Record.parse(event.body, "event")
        assert record.number == self.orders[token].trial and record.recipe == self.orders[token].recipe
        return record

    def done(self, token: str) -> None:
        """The order comes to a good end, which is its last event."""
        record = self.record(token)
        assert record.state == "done", record.error
        assert [event.kind for event in self.of(token)].index("done") == len(self.of(token)) - 1

    def wait_for_beats(self) -> None:
        """Wait until the order given last, which hangs, shows that it does."""
        self.wait_for(self._beats()[-1].exists)

    def check_over(self) -> None:
        """No trial that hangs does so any more."""
        before = [path.read_text() for path in self._beats()]
        time.sleep(10 * trouble.BEAT_SECONDS)
        assert before == [path.read_text() for path in self._beats()], "its worker still works on it"

    def _beats(self) -> list[Path]:
        hanging = [order.trial for order in self.orders.values() if order.recipe.strategy == "hangs"]
        return [trouble.beats(self.run / "trials" / f"{number:04d}") for number in hanging]


def _told(events: Sequence[Event]) -> str:
    """Events in a few words: whose, of which kind, and what went wrong."""
    wrong = ((event, event.body.get("error") or event.body.get("reason") or "") for event in events)
    return ", ".join(f"{event.token} {event.kind}" + (f" ({why})" if why else "") for event, why in wrong) or "none"

"""`Dispatch`: orders are sent, and sent again after a failure, until there is a record of what they came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import final

from autosft.contracts.executor import Order
from autosft.contracts.record import Epoch, Record
from autosft.errors import CannotWrite
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.runs.versions import differing
from autosft.search.events import Callback, EpochFinished, Noted
from autosft.search.memory.trials import Trials
from autosft.search.orders.fleet import Answer, Fleet, cut_short, lost
from autosft.search.orders.retries import Retries

TICK_SECONDS = 0.5
"""How long is waited for events before leases and interrupts are looked at again."""


@final
class Dispatch:
    """Who sends orders and hears of them.

    Args:
        fleet: The workers.
        run: The run.
        registry: Its observers are told of every epoch.
        trials: Where trials stood before.
        callback: Told what happens.
    """

    def __init__(self, fleet: Fleet, run: Run, registry: Registry, trials: Trials, callback: Callback) -> None:
        self._fleet, self._run, self._registry, self._trials, self._callback = fleet, run, registry, trials, callback
        self._retries = Retries()
        self._spent: Counter[int] = Counter()  # milliseconds of a trial's orders that were sent again
        self._told: set[tuple[str, str]] = set()  # versions that workers have, and the driver has not

    @property
    def free(self) -> int:
        """How many orders could be sent now."""
        return self._fleet.free

    @property
    def busy(self) -> int:
        """How many orders are under way."""
        return len(self._fleet.busy)

    def send(self, order: Order) -> None:
        """Hand an order to a free worker."""
        self._fleet.send(order)

    def records(self) -> Iterator[tuple[Order, Record]]:
        """The orders that have come to an end since, and their records; waits a moment for the first events.

        Raises:
            CannotWrite: A worker could not write. The trial stays unfinished.
        """
        for answer in self._fleet.answers(TICK_SECONDS):
            if record := self._record(answer):
                yield answer.order, record

    def done(self, order: Order, given_up: Callable[[], bool]) -> Record:
        """Send one order and wait for its record.

        Args:
            order: What to do; no other order is under way.
            given_up: Asked again and again whether to wait no longer.

        Raises:
            CannotWrite: The worker could not write.
        """
        self.send(order)
        while True:
            for _, record in self.records():
                return record
            if given_up():
                self._fleet.abandon()
                return Record(number=order.trial, state="interrupted", recipe=order.recipe, error="interrupted")

    def abandon(self) -> list[Record]:
        """End the work on every order; where trials stand that have a score already."""
        ended = [
            cut_short(order, epochs, seconds + self._spent_on(order), self._trials.paused_record(order.trial))
            for order, epochs, seconds in self._fleet.abandon()
        ]
        return [record for record in ended if record]

    def _record(self, answer: Answer) -> Record | None:
        """The record that an order came to; None if it goes on, maybe with another worker."""
        order, event = answer.order, answer.event
        if event.kind == "started":
            self._compare(event.body["versions"])
            return None
        if event.kind == "epoch":
            if order.work == "train":  # the last training on all rows is none of the trial
                epoch = Epoch.model_validate(event.body)
                self._registry.epoch_finished(self._run.document.task, self._run.folder, order.trial, epoch)
                self._callback(EpochFinished(order.trial, epoch))
            return None
        self._spent[order.trial] += round(1000 * answer.worked)
        if again := self._retries.again(answer):
            resent, why = again
            self._callback(Noted(f"trial {order.trial}: {why}"))
            self._fleet.send(resent, answer.epochs)
            return None
        earlier, spent = self._trials.paused_record(order.trial), self._spent_on(order)
        seconds = spent + (earlier.seconds if earlier else 0.0)
        del self._spent[order.trial]
        if event.kind == "lost":
            if answer.late and (standing := cut_short(order, answer.epochs, spent, earlier)):
                return standing
            return lost(answer, seconds)
        record = Record.model_validate(event.body)
        if record.state == "cannot_write":
            raise CannotWrite(record.error)
        return record.model_copy(update={"seconds": seconds})

    def _spent_on(self, order: Order) -> float:
        """The seconds that were worked on an order, and on those that it was sent again for."""
        return self._spent[order.trial] / 1000

    def _compare(self, versions: Mapping[str, str]) -> None:
        """Tell the user, once, of a worker with other versions than the driver: its trials may come out otherwise."""
        for name, here, there in differing(self._run.document.versions, versions):
            if (name, there) not in self._told:
                self._told.add((name, there))
                self._callback(Noted(f"a worker has {name} {there}, and the search {here}"))

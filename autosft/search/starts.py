"""`Starts`: encoders that trials start from. Each is made once, when the first trial needs it; who needs it waits."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import final

from autosft.contracts.executor import Order
from autosft.contracts.record import Record
from autosft.runs.run import Run
from autosft.search.events import Callback, Noted

START_FRACTION = 0.3
"""The most of the time that is left for a trial which making the encoder may take that it starts from."""


@final
class Starts:
    """Which encoders are there, and which trials wait for one.

    Args:
        run: The run.
        callback: Told of each that is made.
    """

    def __init__(self, run: Run, callback: Callback) -> None:
        self._run, self._callback = run, callback
        self._waiting: dict[Path, list[Order]] = {}
        self._ready: list[Order] = []

    def ready(self) -> Order | None:
        """An order that had to wait and need not any more; None if there is none."""
        return self._ready.pop(0) if self._ready else None

    def before(self, order: Order, left: float) -> Order | None:
        """What a worker has to do for an order now: the order, or what makes the encoder that it starts from; None if
        that is being done.

        Args:
            order: What is to be done.
            left: The seconds that it may take, with what has to be done before it.
        """
        start, seconds = order.recipe.start, None if left == float("inf") else left
        if start is None or self._run.has_start(start):
            return order.model_copy(update={"seconds": seconds})
        waiting = self._waiting.setdefault(self._run.start_folder(start), [])
        waiting.append(order)
        if len(waiting) > 1:
            return None
        return Order(
            work="pretrain",
            run=order.run,
            trial=order.trial,
            token=uuid.uuid4().hex,
            recipe=start,
            seconds=None if seconds is None else START_FRACTION * seconds,
        )

    def over(self, record: Record) -> list[Record]:
        """An encoder is made, or could not be: the records of trials that cannot begin without it."""
        start = record.recipe
        waiting = self._waiting.pop(self._run.start_folder(start), [])
        if record.state == "done":
            told = (
                f"{start.strategy} has pretrained {start.backbone} in {record.seconds:.0f} s, for trials to start from"
            )
            for text in (told, *(f"{start.strategy} on {start.backbone}: {note}" for note in record.notes)):
                self._callback(Noted(text))
            self._ready += waiting
            return []
        why = f"{start.strategy} could not make the encoder that it starts from: {record.error}"
        return [Record(number=one.trial, state=record.state, recipe=one.recipe, error=why) for one in waiting]

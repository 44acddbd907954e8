"""`Fleet`: the orders under way. Each has a lease on the driver's monotonic clock; late answers are dropped.

The driver's clock, because a worker that hangs cannot say so, and monotonic, because a system clock may jump.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from autosft.contracts.executor import Event, Order, Pool
from autosft.contracts.record import Epoch, Record

GRACE_SECONDS = 5.0
"""How long a worker may overstay its seconds before it is ended by force; held back from every order."""


@final
@dataclass
class _Lease:
    order: Order
    sent: float
    started: float | None = None
    revoked: bool = False
    epochs: list[Epoch] = field(default_factory=list[Epoch])

    @property
    def ends(self) -> float:
        return float("inf") if self.order.seconds is None else self.sent + self.order.seconds + GRACE_SECONDS

    def answer(self, event: Event) -> Answer:
        now = time.monotonic()
        worked = now - self.started if self.started else 0.0
        return Answer(self.order, event, now - self.sent, worked, self.revoked, self.epochs)


@final
@dataclass(frozen=True)
class Answer:
    """What a worker says of an order that is under way.

    Attributes:
        order: The order.
        event: What has happened; after `"done"` and `"lost"` the order is no longer under way.
        seconds: How long ago the order was sent.
        worked: How long ago a worker has started with it; 0 if none has.
        late: Whether the order had overstayed its lease, and was ended for it.
        epochs: What was heard of it, also from workers that it was sent to before.
    """

    order: Order
    event: Event
    seconds: float
    worked: float
    late: bool
    epochs: Sequence[Epoch] = ()


@final
class Fleet:
    """Workers, and what they work on.

    Args:
        pool: The workers.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._leases: dict[str, _Lease] = {}

    @property
    def free(self) -> int:
        """How many orders could be sent now."""
        return self._pool.slots - len(self._leases)

    @property
    def busy(self) -> Sequence[Order]:
        """The orders under way."""
        return [lease.order for lease in self._leases.values()]

    def send(self, order: Order, epochs: Sequence[Epoch] = ()) -> None:
        """Hand an order to a free worker; of one that is sent again with the epochs that were heard of before."""
        self._leases[order.token] = _Lease(order, time.monotonic(), epochs=list(epochs))
        self._pool.submit(order)

    def answers(self, timeout: float) -> list[Answer]:
        """What has happened; waits at most `timeout` seconds for the first events. Ends orders whose lease is over."""
        answers: list[Answer] = []
        for event in self._pool.events(timeout):
            if lease := self._leases.get(event.token):  # else a late answer to an order that was given up
                if event.kind == "started":
                    lease.started = time.monotonic()
                elif event.kind == "epoch":
                    lease.epochs.append(Epoch.model_validate(event.body))
                else:
                    del self._leases[event.token]
                answers.append(lease.answer(event))
        for token, lease in list(self._leases.items()):
            if not lease.revoked and time.monotonic() > lease.ends:
                lease.revoked = True
                self._pool.cancel(token)
        return answers

    def abandon(self) -> list[tuple[Order, Sequence[Epoch], float]]:
        """End the work on every order, and hear no more of it.

        Returns:
            Each order, the epochs that were heard of, and for how many seconds it was worked on.
        """
        leases, self._leases = self._leases, {}
        for token in leases:
            self._pool.cancel(token)
        now = time.monotonic()
        return [(one.order, one.epochs, now - one.started if one.started else 0.0) for one in leases.values()]


def lost(answer: Answer, seconds: float) -> Record:
    """What a trial came to whose worker was lost, or did not end in time.

    Args:
        answer: What was heard last.
        seconds: What the trial has taken.
    """
    order, body = answer.order, answer.event.body
    late = "it did not end in time" if answer.worked else "it did not start in time"
    reason = late if answer.late else body["reason"]
    return Record(
        number=order.trial,
        state="out_of_memory" if body.get("out_of_memory") else "failed",
        recipe=order.recipe,
        seconds=seconds,
        micro_batch=order.micro_batch,
        error=f"the worker was lost: {reason}; see worker.log",
    )


def cut_short(order: Order, epochs: Sequence[Epoch], seconds: float, earlier: Record | None) -> Record | None:
    """Where a trial stands whose work was ended after some epochs, as if it had paused there; its checkpoint holds the
    last of them. Without a new epoch it stands where it had paused before; None if it has no score yet. The score is
    the best of the last stage that has one: its weights are what would be kept.

    Args:
        order: The order to train it.
        epochs: What was heard of it.
        seconds: For how long it was worked on, by all workers that it was sent to.
        earlier: Where it had paused before.
    """
    heard = (*(earlier.epochs if earlier else ()), *epochs)
    whole = tuple({(epoch.stage, epoch.number): epoch for epoch in heard}.values())  # a stage may have begun anew
    scored = [(epoch.stage, epoch.score) for epoch in whole if epoch.score is not None]
    if order.work != "train":
        return None
    if not epochs or not scored:
        return earlier
    return Record(
        number=order.trial,
        state="paused",
        recipe=order.recipe,
        score=max(score for stage, score in scored if stage == scored[-1][0]),
        epochs=whole,
        seconds_per_row=earlier.seconds_per_row if earlier else {},
        seconds=seconds + (earlier.seconds if earlier else 0.0),
        micro_batch=order.micro_batch,
    )

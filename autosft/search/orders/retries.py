"""What is done about failures: orders that are sent again, and parts that are quarantined."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import final

from autosft.contracts.executor import Order
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.search.orders.fleet import Answer

LOSSES = 2
"""So often an order is sent again after its worker was lost."""

HALVINGS = 3
"""So often an order is sent again, each time with half the rows at once, after memory ran out."""

STRIKES = 3
"""A part whose last trials failed so often in a row is quarantined."""


@final
class Retries:
    """Decides which orders are sent again. A trial goes on from its last epoch."""

    def __init__(self) -> None:
        self._losses: Counter[tuple[int, str]] = Counter()
        self._halvings: Counter[tuple[int, str]] = Counter()

    def again(self, answer: Answer) -> tuple[Order, str] | None:
        """The order to send instead, and why in words; None if the order has ended for good."""
        order, event = answer.order, answer.event
        key = (order.trial, order.work)
        if answer.late:
            return None
        lost = event.kind == "lost"
        starved = event.body.get("out_of_memory", False) if lost else event.body.get("state") == "out_of_memory"
        rows = order.micro_batch or order.recipe.optim.batch_size
        if starved and rows > 1 and self._halvings[key] < HALVINGS:
            self._halvings[key] += 1
            why = f"memory ran out with {rows} rows at once; it goes on with {rows // 2}"
            return _resent(order, answer, micro_batch=rows // 2), why
        if lost and not starved and self._losses[key] < LOSSES:
            self._losses[key] += 1
            return _resent(order, answer), f"its worker was lost ({event.body['reason']}); it goes on with another"
        return None


def _resent(order: Order, answer: Answer, **changes: int) -> Order:
    """The order under a new token, with the seconds that are left of it."""
    return order.after(answer.seconds).model_copy(update={"token": uuid.uuid4().hex, **changes})


def micro_batch_for(recipe: Recipe, records: Sequence[Record]) -> int:
    """The most rows at once that did fit the memory in past trials like this one; 0 if a whole batch may."""
    least = min(
        (
            record.micro_batch
            for record in records
            if record.micro_batch
            and (record.recipe.backbone, record.recipe.strategy) == (recipe.backbone, recipe.strategy)
        ),
        default=0,
    )
    return least if least < recipe.optim.batch_size else 0


def to_quarantine(records: Sequence[Record]) -> Mapping[str, str]:
    """The strategies and backbones whose last trials all failed, with what was said last.

    Who should have made the encoder that they start from is blamed first, then strategies: a backbone is not to blame
    for the failures of a strategy that fails everywhere. Nor is a strategy for several backbones that fail each for a
    reason of its own, or for want of memory, as long as no other strategy has trained one of them. Nobody is to blame
    where an earlier trial should have taught and could not.
    """
    ended = [record for record in records if record.state != "interrupted" and not record.failed_teachers]
    quarantined: dict[str, str] = {}
    for start in dict.fromkeys(record.recipe.start.strategy for record in ended if record.recipe.start):
        quarantined |= _struck(start, [one for one in ended if one.recipe.start and one.recipe.start.strategy == start])
    ended = [record for record in ended if not (record.recipe.start and record.recipe.start.strategy in quarantined)]
    for strategy in dict.fromkeys(record.recipe.strategy for record in ended):
        own = [record for record in ended if record.recipe.strategy == strategy]
        if not _each_for_itself(own[-STRIKES:], ended):
            quarantined |= _struck(strategy, own)
    ended = [record for record in ended if record.recipe.strategy not in quarantined]
    for backbone in dict.fromkeys(record.recipe.backbone for record in ended):
        quarantined |= _struck(backbone, [record for record in ended if record.recipe.backbone == backbone])
    return quarantined


def _each_for_itself(failed: Sequence[Record], ended: Sequence[Record]) -> bool:
    """Whether the last trials of a strategy were of several backbones, which fail for reasons of their own."""
    backbones = {record.recipe.backbone for record in failed}
    said = {record.error for record in failed}
    starved = any(record.state == "out_of_memory" for record in failed)
    sound = {record.recipe.backbone for record in ended if record.state == "done"}
    return len(backbones) > 1 and (len(said) > 1 or starved) and not backbones & sound


def _struck(part: str, records: Sequence[Record]) -> dict[str, str]:
    last = records[-STRIKES:]
    struck = len(last) == STRIKES and all(record.state in ("failed", "out_of_memory") for record in last)
    return {part: last[-1].error} if struck else {}

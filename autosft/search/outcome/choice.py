"""`choose`: which trial becomes the bundle. `contenders`: which may yet become it."""

from __future__ import annotations

from collections.abc import Sequence

from autosft.contracts.record import Record
from autosft.host.registry import Registry


def choose(records: Sequence[Record], registry: Registry) -> Record | None:
    """The best trial that is as simple as the validation rows allow; None if no trial has a score.

    The one-standard-error rule (Breiman et al., 1984): over few rows the highest score of many trials is luck to a
    good part. Of the trials within one standard error of the highest score, those with a frozen encoder go first, and
    among them the highest score. With many validation rows the error is small, and the highest score wins.
    """
    scored = sorted((record for record in records if record.state == "done"), key=Record.order)
    if not scored or scored[0].score is None:
        return None
    best = scored[0]
    least = scored[0].score - (best.score_error or 0.0)
    close = [record for record in scored if record.score is not None and record.score >= least]
    return next((record for record in close if registry.strategy(record.recipe.strategy).cheap), best)


def contenders(records: Sequence[Record], registry: Registry, count: int) -> set[int]:
    """The numbers of the trials whose models are worth their disk: the best few, and the best with a frozen encoder.

    `choose` never takes another: it takes the highest score, or the highest one with a frozen encoder.
    """
    scored = sorted((record for record in records if record.state == "done"), key=Record.order)
    frozen = [record for record in scored if registry.strategy(record.recipe.strategy).cheap]
    return {record.number for record in scored[:count] + frozen[:1]}

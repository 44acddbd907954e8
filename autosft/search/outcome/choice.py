"""`choose`: which trial becomes the bundle. `contenders`: which may yet become it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autosft.contracts.record import Record
from autosft.host.registry import Registry


def choose(records: Sequence[Record], registry: Registry) -> Record | None:
    """The best trial that is as simple as the validation rows allow; None if no trial has a score.

    The one-standard-error rule (Breiman et al., 1984): over few rows the highest score of many trials is luck to a
    good part. Of the trials within one standard error of the highest score, those with a frozen encoder go first; among
    them those that were trained on the most rows; and among these the highest cross-validated score, or where there is
    none the highest score. With many validation rows the error is small, and the highest score wins.
    """
    scored = sorted((record for record in records if record.state == "done"), key=Record.order)
    if not scored or scored[0].score is None:
        return None
    best = scored[0]
    least = scored[0].score - (best.score_error or 0.0)
    close = [record for record in scored if record.score is not None and record.score >= least]
    return next(iter(_frozen(close, registry)), best)


def contenders(records: Sequence[Record], registry: Registry, count: int) -> set[int]:
    """The numbers of the trials whose models are worth their disk: the best few, the best with a frozen encoder, and
    the one that would be chosen now.

    Without cross-validated scores `choose` never takes another. With them it may want one that was not close enough to
    the highest score before; then that is gone, and the next best is taken.
    """
    scored = sorted((record for record in records if record.state == "done"), key=Record.order)
    chosen = choose(records, registry)
    return {
        record.number for record in [*scored[:count], *_frozen(scored, registry)[:1], *([chosen] if chosen else [])]
    }


def _frozen(scored: Sequence[Record], registry: Registry) -> list[Record]:
    """Trials with a frozen encoder: those on more rows first, then by cross-validated score as far as there is one."""
    frozen = [record for record in scored if registry.strategy(record.recipe.strategy).cheap]

    def place(record: Record) -> tuple[float, float]:
        return -(record.recipe.rows or math.inf), -(record.cross_score if record.cross_score is not None else -math.inf)

    return sorted(frozen, key=place)

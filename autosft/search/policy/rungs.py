"""Rungs: after how many epochs trials pause, and which of the paused ones goes on.

Asynchronous successive halving (ASHA: Li et al., 2020), with two additions for searches that end by the clock: the best
paused trial goes on while there is still time for the rest of it, and paused trials go on when nothing new can start.
"""

from __future__ import annotations

from collections.abc import Sequence

from autosft.contracts.record import Record

FIRST_RUNG = 2
"""The first pause, in validated epochs."""

FACTOR = 3
"""Each rung is so many times as high as the one before, and one of so many trials goes on from it."""


def next_rung(record: Record | None) -> int:
    """After how many validated epochs a trial pauses next."""
    done, rung = len(_scores(record)) if record else 0, FIRST_RUNG
    while rung <= done:
        rung *= FACTOR
    return rung


def between_rungs(record: Record) -> bool:
    """Whether a trial stands where none pauses by itself."""
    done, rung = len(_scores(record)), FIRST_RUNG
    while rung < done:
        rung *= FACTOR
    return done < rung


def promoted(paused: Sequence[Record], known: Sequence[Record]) -> Record | None:
    """The paused trial that has earned its next rung; from the highest rung on which one has.

    Args:
        paused: Where the trials stand that are paused.
        known: The latest record of every trial.
    """
    for rung in sorted({len(_scores(record)) for record in paused}, reverse=True):
        if rung < FIRST_RUNG:
            continue
        reached = {record.number: max(_scores(record)[:rung]) for record in known if len(_scores(record)) >= rung}
        ranked = sorted(reached, key=lambda number: (-reached[number], number))
        best = ranked[: len(ranked) // FACTOR]
        here = [record for record in paused if len(_scores(record)) == rung and record.number in best]
        if here:
            return min(here, key=Record.order)
    return None


def hopeful(paused: Sequence[Record], known: Sequence[Record]) -> Record | None:
    """The best paused trial, if it is within one standard error of the best score of a trial that is over."""
    best = min(paused, key=Record.order, default=None)
    over = min((record for record in known if record.state == "done"), key=Record.order, default=None)
    if best is None or best.score is None or over is None or over.score is None:
        return best
    score = over.score if over.split_score is None else over.split_score
    return best if best.score >= score - (over.score_error or 0.0) else None


def _scores(record: Record) -> list[float]:
    return [epoch.score for epoch in record.epochs if epoch.score is not None]

"""`standings`: how sure each trial's score is, and which trials cannot be told from the best.

Two trials answered the same validation rows, so they are compared row by row where their answers are stored: both
scores are computed on the same resamples of rows, or of groups of them (paired bootstrap; Efron and Tibshirani, 1993).
Where they are not, standard errors are all there is, and as they ignore what the trials have in common, more trials
count as tied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Problem
from autosft.contracts.record import Record
from autosft.contracts.rows import Rows
from autosft.contracts.scoring import scorer
from autosft.contracts.task import TaskTarget
from autosft.data.resampling import DEVIATIONS, draws

RESAMPLES = 300
TAIL = 0.025

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Standing:
    """How a trial stands beside the best.

    Attributes:
        interval: 95 % interval of its validation score over rows; None if nothing is known.
        tied: Whether its score cannot be told from the best one at the 95 % level; of the best itself, True.
        paired: Whether it was compared row by row.
    """

    interval: tuple[float, float] | None
    tied: bool
    paired: bool


def standings(
    records: Sequence[Record],
    stored: Mapping[int, StoredOutputs],
    asked: Sequence[TaskTarget],
    problems: Sequence[Problem],
    seed: int,
) -> dict[int, Standing]:
    """Each trial's standing, by its number.

    Args:
        records: Trials with a score, best first.
        stored: What trials answered on the validation rows, or out of fold, by trial.
        asked: The task's targets; the score is the weighted mean over them.
        problems: The problem of each.
        seed: Draws the resamples.
    """
    scores: dict[int, Scores] = {}
    answered: dict[int, Rows] = {}
    for record in records:
        if one := stored.get(record.number):
            order = np.argsort(one.rows.numbers)
            answered[record.number] = some = one.rows.take(order)
            positions = list(draws(some.group_ids(), seed=seed, count=RESAMPLES))
            scores[record.number] = _resampled(one, asked, problems, order, positions)
    best = records[0]
    top = answered.get(best.number)
    alike = {number for number, some in answered.items() if top and np.array_equal(some.numbers, top.numbers)}
    return {record.number: _standing(record, best, scores, paired=record.number in alike) for record in records}


@dataclass(frozen=True)
class Difference:
    """By how much one trial scores higher than another on the same rows.

    Attributes:
        mean: The difference of their scores.
        low, high: Its 95 % interval over rows, or groups of them.
        rows: How many.
    """

    mean: float
    low: float
    high: float
    rows: int


def difference(
    one: StoredOutputs, other: StoredOutputs, asked: Sequence[TaskTarget], problems: Sequence[Problem], seed: int
) -> Difference | None:
    """How much higher one trial scores than another (paired bootstrap); None if they answered different rows.

    Args:
        one: What the first answered.
        other: What the second answered.
        asked: The task's targets.
        problems: The problem of each.
        seed: Draws the resamples.
    """
    orders = [np.argsort(stored.rows.numbers) for stored in (one, other)]
    rows = one.rows.take(orders[0])
    if not np.array_equal(rows.numbers, other.rows.take(orders[1]).numbers):
        return None
    positions = [np.arange(len(rows)), *draws(rows.group_ids(), seed=seed, count=RESAMPLES)]
    scores = [
        _resampled(stored, asked, problems, order, positions)
        for stored, order in zip((one, other), orders, strict=True)
    ]
    apart = scores[0] - scores[1]
    return Difference(float(apart[0]), *_quantiles(apart[1:]), len(rows))


def _resampled(
    stored: StoredOutputs,
    asked: Sequence[TaskTarget],
    problems: Sequence[Problem],
    order: npt.NDArray[np.integer[Any]],
    positions: Sequence[npt.NDArray[np.integer[Any]]],
) -> Scores:
    """The score on each resample, shape (resamples,); positions are those of the rows in this order."""
    rows = stored.rows.take(order)
    outputs = [answers.take(order) for answers in stored.outputs]
    targets = [rows.target(number) for number in range(len(problems))]
    score = scorer(asked, problems, outputs, targets, stored.states)
    return np.array([score(drawn) for drawn in positions])


def _standing(record: Record, best: Record, scores: Mapping[int, Scores], *, paired: bool) -> Standing:
    own, top = scores.get(record.number), scores.get(best.number) if paired else None
    interval = _quantiles(own) if own is not None else _normal(record)
    if record.number == best.number:
        return Standing(interval, tied=True, paired=own is not None)
    if own is not None and top is not None:
        return Standing(interval, tied=bool(np.quantile(top - own, TAIL) <= 0), paired=True)
    error = math.hypot(record.score_error or 0.0, best.score_error or 0.0)
    behind = (best.score or 0.0) - (record.score or 0.0)
    known = record.score_error is not None
    return Standing(interval, tied=known and behind <= DEVIATIONS * error, paired=False)


def _quantiles(scores: Scores) -> tuple[float, float]:
    low, high = np.quantile(scores, [TAIL, 1 - TAIL])
    return float(low), float(high)


def _normal(record: Record) -> tuple[float, float] | None:
    if record.score is None or record.score_error is None:
        return None
    room = DEVIATIONS * record.score_error
    return record.score - room, record.score + room

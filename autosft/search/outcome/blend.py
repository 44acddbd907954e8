"""`blend`: which trials answer together, by what they answered on rows that they had not learned from.

On few rows, the best trial of each of the best few backbones, all alike: which of them is best, and how much each
should count, is chance there. On more rows, greedy ensemble selection with replacement (Caruana et al., 2004) from a
pool of the best few (Caruana et al., 2006). Rows flatter whatever was chosen by them, so the choice is made on halves
of the rows, and scored on the others: the blend is the mean of what the halves chose, and it is taken only if it was
better than the single model on rows that had no say in it.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from autosft.contracts.record import Record
from autosft.contracts.state import State
from autosft.data.resampling import DEVIATIONS
from autosft.search.outcome.choice import Expected, choose, near, weighed
from autosft.search.outcome.panel import Panel, Positions, Team
from autosft.training.seeds import seed_of

MOST_MEMBERS = 5
"""Each member makes predictions slower."""

LEAST_SHARE = 0.1
"""A member with a smaller share makes predictions slower for nearly nothing: see benchmarks/README.md."""

POOL = 10
"""Members are chosen among so many trials, those with the highest scores."""

STEPS = 10
"""A member's share is a multiple of one divided by the number of steps, which is at most this."""

REPEATS = 10
"""How often the rows are halved; each half chooses once."""

ALIKE = 3
"""So many backbones answer together where rows are few."""

SAME = 1e-9
"""Scores that differ by less are equal but for rounding."""


@final
@dataclass(frozen=True)
class Blend:
    """Several trials that answer together.

    Attributes:
        shares: Of each trial, the largest first; they add up to 1.
        states: For each target, what decides over the common answers.
        score: On the rows by which it was chosen.
        gain: How much better than a single model, chosen by the same rows, it was on rows that had no say; None where
            rows were too few to choose by, and all count alike.
    """

    shares: Team
    states: tuple[State, ...]
    score: float
    gain: float | None


def select(panel: Panel, rows: Positions, own: Mapping[int, float]) -> dict[int, float]:
    """The shares of the trials that answer these rows best together, the largest first; they add up to 1.

    Args:
        panel: The answers; of equals the trial that stands first is taken.
        rows: Which rows have a say.
        own: The score of each trial alone on these rows.
    """
    pool = sorted(panel.trials, key=lambda number: -own[number])[:POOL]
    taken, best = Counter(pool[:1]), Counter(pool[:1])
    highest = own[pool[0]]
    for _ in range(STEPS - 1):
        options = [number for number in pool if number in taken or len(taken) < MOST_MEMBERS]
        scores = [panel.score(_shares(taken + Counter([number])), rows) for number in options]
        at = int(np.argmax(scores))
        taken[options[at]] += 1
        if scores[at] > highest:
            highest, best = scores[at], taken.copy()
    return _shares(best)


def likely(panel: Panel, records: Sequence[Record], expected: Expected) -> dict[int, float]:
    """Who would answer together, and with which shares, if the search ended now."""
    if not panel.trials:
        return {}
    if panel.few:
        return _alike(_best_of_backbones(panel, records, expected))
    return select(panel, panel.rows, panel.scores(panel.rows))


def blend(
    panel: Panel,
    records: Sequence[Record],
    expected: Expected,
    *,
    seed: int,
    seconds: float = float("inf"),
) -> Blend | None:
    """The trials that answer best together; None if they are no better than a single one, or if no two do, or if the
    rows, such as those of one group, have no halves.

    Args:
        panel: The answers.
        records: The trials that may be taken: their models are there.
        expected: What is known of them before.
        seed: Decides how the rows are halved.
        seconds: After so many seconds the rows are halved no more; once they always are.
    """
    if panel.few:
        return _alike_blend(panel, records, expected)
    return _selected_blend(panel, records, expected, seed, seconds)


def _best_of_backbones(panel: Panel, records: Sequence[Record], expected: Expected) -> list[int]:
    """The trial that would be chosen of each of the best few backbones, as far as the 95 % interval of how much worse
    they score than the best holds 0; the best first."""
    there = {record.number: record for record in records if record.number in panel.trials}
    values = weighed(list(there.values()), expected)
    by_backbone: dict[str, list[Record]] = {}
    for record in there.values():
        by_backbone.setdefault(record.recipe.backbone, []).append(record)
    chosen = [one for several in by_backbone.values() if (one := choose(several, expected))]
    return [record.number for record in near(chosen, values, math.sqrt(2) * DEVIATIONS)[:ALIKE]] if chosen else []


def _alike_blend(panel: Panel, records: Sequence[Record], expected: Expected) -> Blend | None:
    """The best backbones, each with the same share, as far as they cannot be told from the best."""
    numbers = _best_of_backbones(panel, records, expected)
    if len(numbers) < 2:
        return None
    shares = _alike(numbers)
    states = panel.tuned(shares, panel.rows)
    return Blend(shares, states, panel.score(shares, panel.rows, states), None)


def _alike(numbers: Sequence[int]) -> dict[int, float]:
    return {number: 1 / len(numbers) for number in numbers}


def _selected_blend(
    panel: Panel, records: Sequence[Record], expected: Expected, seed: int, seconds: float
) -> Blend | None:
    """What halves of the rows select, if that is better on the other halves."""
    if len(panel.trials) < 2:
        return None
    members, alone = {record.number for record in records}, alone_by(records, expected)
    taken: Counter[int] = Counter()
    gains: list[float] = []
    started = time.monotonic()
    for repeat in range(REPEATS):
        if gains and time.monotonic() - started > seconds:
            break
        one, other = panel.halves(seed_of(seed, "halves", repeat))
        if not len(one) or not len(other):
            continue
        for choosing, judging in ((one, other), (other, one)):
            own = panel.scores(choosing)
            team, single = select(panel, choosing, own), {alone(own, len(choosing)): 1.0}
            gains.append(
                panel.score(team, judging, panel.tuned(team, choosing))
                - panel.score(single, judging, panel.tuned(single, choosing))
            )
            taken.update(team)
    shares = _shares({number: share for number, share in taken.most_common() if number in members})
    if len(shares) < 2 or float(np.mean(gains)) <= SAME:  # or the rows could not be halved
        return None
    states = panel.tuned(shares, panel.rows)
    return Blend(shares, states, panel.score(shares, panel.rows, states), float(np.mean(gains)))


def alone_by(records: Sequence[Record], expected: Expected) -> Callable[[Mapping[int, float], int], int]:
    """Which trial would be taken alone by the scores on so many of the rows, where standard errors are larger."""

    def alone(scores: Mapping[int, float], rows: int) -> int:
        fewer = [
            record.model_copy(
                update={
                    "score": scores[record.number],
                    "score_error": (record.score_error or 0.0) * math.sqrt(max(1.0, record.rows / rows)),
                    "split_score": None,
                    "rows": rows,
                }
            )
            for record in records
            if record.number in scores
        ]
        chosen = choose(fewer, expected)
        return chosen.number if chosen else next(iter(scores))

    return alone


def _shares(taken: Mapping[int, float]) -> dict[int, float]:
    """The shares of those that were taken most, but of none that would hardly count; they add up to 1."""
    least = LEAST_SHARE * sum(taken.values())
    ranked = sorted(taken.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_MEMBERS]
    ranked = [entry for entry in ranked if entry[1] >= least]
    total = sum(count for _, count in ranked)
    return {number: count / total for number, count in ranked}

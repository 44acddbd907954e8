"""`choose_ensemble`: which trials answer together, by what they answered on rows that they had not learned from.

On few rows, the best trial of each of the best few backbones, all alike: which of them is best, and how much each
should count, is chance there. On more rows, greedy ensemble selection with replacement (Caruana et al., 2004) from a
pool of the best few (Caruana et al., 2006). Scores on the rows that chose are optimistic. So halves of the rows choose,
and the others score: the ensemble is the mean of what the halves chose, and it is taken only if it was better than the
single model on rows that had no say in it.
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
from autosft.search.outcome.predictions import Positions, Predictions, Weights
from autosft.training.seeds import seed_of

MOST_MEMBERS = 5
"""Each member makes predictions slower."""

LEAST_FRACTION = 0.1
"""A member with a smaller weight makes predictions slower for nearly nothing: see benchmarks/README.md."""

POOL = 10
"""Members are chosen among so many trials, those with the highest scores."""

STEPS = 10
"""A member's weight is a multiple of one divided by the number of steps, which is at most this."""

REPEATS = 10
"""How often the rows are halved; each half chooses once."""

ALIKE = 3
"""So many backbones answer together where rows are few."""

SAME = 1e-9
"""Scores that differ by less are equal but for rounding."""


@final
@dataclass(frozen=True)
class Ensemble:
    """Several trials that answer together.

    Attributes:
        weights: Of each trial, the largest first; they add up to 1.
        states: For each target, what decides over the common answers.
        score: On the rows by which it was chosen.
        gain: How much better than a single model, chosen by the same rows, it was on rows that had no say; None where
            rows were too few to choose by, and all count alike.
    """

    weights: Weights
    states: tuple[State, ...]
    score: float
    gain: float | None


def select(predictions: Predictions, rows: Positions, own: Mapping[int, float]) -> dict[int, float]:
    """The weights of the trials that answer these rows best together, the largest first; they add up to 1.

    Args:
        predictions: The answers; of equals the trial that stands first is taken.
        rows: Which rows have a say.
        own: The score of each trial alone on these rows.
    """
    pool = sorted(predictions.trials, key=lambda number: -own[number])[:POOL]
    taken, best = Counter(pool[:1]), Counter(pool[:1])
    highest = own[pool[0]]
    for _ in range(STEPS - 1):
        options = [number for number in pool if number in taken or len(taken) < MOST_MEMBERS]
        scores = [predictions.score(_weights(taken + Counter([number])), rows) for number in options]
        at = int(np.argmax(scores))
        taken[options[at]] += 1
        if scores[at] > highest:
            highest, best = scores[at], taken.copy()
    return _weights(best)


def likely(predictions: Predictions, records: Sequence[Record], expected: Expected) -> dict[int, float]:
    """Who would answer together, and with which weights, if the search ended now."""
    if not predictions.trials:
        return {}
    if predictions.few:
        return _uniform(_best_of_backbones(predictions, records, expected))
    return select(predictions, predictions.rows, predictions.scores(predictions.rows))


def choose_ensemble(
    predictions: Predictions,
    records: Sequence[Record],
    expected: Expected,
    *,
    seed: int,
    seconds: float = float("inf"),
) -> Ensemble | None:
    """The trials that answer best together; None if they are no better than a single one, or if no two do, or if the
    rows, such as those of one group, have no halves.

    Args:
        predictions: The answers.
        records: The trials that may be taken: their models are there.
        expected: What is known of them before.
        seed: Decides how the rows are halved.
        seconds: After so many seconds the rows are halved no more; once they always are.
    """
    if predictions.few:
        return _uniform_ensemble(predictions, records, expected)
    return _greedy_ensemble(predictions, records, expected, seed, seconds)


def _best_of_backbones(predictions: Predictions, records: Sequence[Record], expected: Expected) -> list[int]:
    """The trial that would be chosen of each of the best few backbones, as far as the 95 % interval of how much worse
    they score than the best holds 0; the best first."""
    there = {record.number: record for record in records if record.number in predictions.trials}
    values = weighed(list(there.values()), expected)
    by_backbone: dict[str, list[Record]] = {}
    for record in there.values():
        by_backbone.setdefault(record.recipe.backbone, []).append(record)
    chosen = [one for several in by_backbone.values() if (one := choose(several, expected))]
    return [record.number for record in near(chosen, values, math.sqrt(2) * DEVIATIONS)[:ALIKE]] if chosen else []


def _uniform_ensemble(predictions: Predictions, records: Sequence[Record], expected: Expected) -> Ensemble | None:
    """The best backbones, each with the same weight, as far as they cannot be told from the best."""
    numbers = _best_of_backbones(predictions, records, expected)
    if len(numbers) < 2:
        return None
    weights = _uniform(numbers)
    states = predictions.tuned(weights, predictions.rows)
    return Ensemble(weights, states, predictions.score(weights, predictions.rows, states), None)


def _uniform(numbers: Sequence[int]) -> dict[int, float]:
    return {number: 1 / len(numbers) for number in numbers}


def _greedy_ensemble(
    predictions: Predictions, records: Sequence[Record], expected: Expected, seed: int, seconds: float
) -> Ensemble | None:
    """What halves of the rows select, if that is better on the other halves."""
    if len(predictions.trials) < 2:
        return None
    members, best_single = {record.number for record in records}, best_single_by(records, expected)
    taken: Counter[int] = Counter()
    gains: list[float] = []
    started = time.monotonic()
    for repeat in range(REPEATS):
        if gains and time.monotonic() - started > seconds:
            break
        one, other = predictions.halves(seed_of(seed, "halves", repeat))
        if not len(one) or not len(other):
            continue
        for choosing, judging in ((one, other), (other, one)):
            own = predictions.scores(choosing)
            weights, single = select(predictions, choosing, own), {best_single(own, len(choosing)): 1.0}
            gains.append(
                predictions.score(weights, judging, predictions.tuned(weights, choosing))
                - predictions.score(single, judging, predictions.tuned(single, choosing))
            )
            taken.update(weights)
    weights = _weights({number: weight for number, weight in taken.most_common() if number in members})
    if len(weights) < 2 or float(np.mean(gains)) <= SAME:  # or the rows could not be halved
        return None
    states = predictions.tuned(weights, predictions.rows)
    return Ensemble(weights, states, predictions.score(weights, predictions.rows, states), float(np.mean(gains)))


def best_single_by(records: Sequence[Record], expected: Expected) -> Callable[[Mapping[int, float], int], int]:
    """Which trial would be taken alone by the scores on so many of the rows, where standard errors are larger."""

    def best_single(scores: Mapping[int, float], rows: int) -> int:
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

    return best_single


def _weights(taken: Mapping[int, float]) -> dict[int, float]:
    """The weights of those that were taken most, but of none that would hardly count; they add up to 1."""
    least = LEAST_FRACTION * sum(taken.values())
    ranked = sorted(taken.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_MEMBERS]
    ranked = [entry for entry in ranked if entry[1] >= least]
    total = sum(count for _, count in ranked)
    return {number: count / total for number, count in ranked}

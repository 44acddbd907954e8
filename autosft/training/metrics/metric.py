"""`Metric`: what one score is, and the areas under curves that several of them need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]


@final
@dataclass(frozen=True)
class Metric:
    """A score.

    Attributes:
        about: What it is, in one line for the user.
        score: Computes it; what it is given, and whether it gives one number or one per target, is said where the table
            is.
        highest: The highest that it can be.
    """

    about: str
    score: Callable[..., Any]
    highest: float = 1.0


def ratio(above: Floats | Ints, below: Floats | Ints) -> Floats:
    """Elementwise division, 0 where nothing is divided by nothing."""
    below = np.asarray(below, dtype=np.float64)
    return np.divide(above, below, out=np.zeros(below.shape), where=below > 0)


def roc_areas(positive: Bools, probabilities: Floats) -> Floats:
    """The area under the ROC curve of each column, from ranks (Mann and Whitney, 1947).

    Args:
        positive: Shape (rows, columns); each column must have positive and negative rows.
        probabilities: Of the same shape.
    """
    rows = len(positive)
    areas: list[float] = []
    for own, below, upto in _places(positive, probabilities):
        count = len(own)
        ranks = float((below + upto + 1).sum()) / 2
        areas.append((ranks - count * (count + 1) / 2) / (count * (rows - count)))
    return np.array(areas)


def average_precisions(positive: Bools, probabilities: Floats) -> Floats:
    """The area under the precision-recall curve of each column, step by step: the mean over positive rows of the
    precision at their probability.

    Args:
        positive: Shape (rows, columns); each column must have positive rows.
        probabilities: Of the same shape.
    """
    areas: list[float] = []
    for own, below, _ in _places(positive, probabilities):
        found = len(own) - np.searchsorted(own, own)
        areas.append(float((found / (len(positive) - below)).mean()))
    return np.array(areas)


def _places(positive: Bools, probabilities: Floats) -> Iterator[tuple[Floats, Ints, Ints]]:
    """For each column the probabilities of its positive rows, from low to high, and for each how many of all rows have
    a lower one, and how many none that is higher."""
    for chosen, values in zip(np.ascontiguousarray(positive.T), np.ascontiguousarray(probabilities.T), strict=True):
        own, ordered = np.sort(values[chosen]), np.sort(values)
        yield own, np.searchsorted(ordered, own, side="left"), np.searchsorted(ordered, own, side="right")

"""`Metric`: what one score is, and the areas under curves that several of them need."""

from __future__ import annotations

from collections.abc import Callable
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
        score: Computes it; what it is given is said where the table is.
        highest: The highest that it can be.
    """

    about: str
    score: Callable[..., float]
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
    from scipy.stats import rankdata

    count = positive.sum(0)
    ranks = np.where(positive, rankdata(probabilities, axis=0), 0.0).sum(0)
    return (ranks - count * (count + 1) / 2) / (count * (len(positive) - count))


def average_precisions(positive: Bools, probabilities: Floats) -> Floats:
    """The area under the precision-recall curve of each column, step by step.

    Args:
        positive: Shape (rows, columns); each column must have positive rows.
        probabilities: Of the same shape.
    """
    order = np.argsort(-probabilities, axis=0, kind="stable")
    hits, sorted_ = (np.take_along_axis(array, order, axis=0) for array in (positive, probabilities))
    rows = np.arange(len(positive))[:, None]
    # Rows of equal probability are one step: they share the precision at the last of them.
    ends = np.where(np.diff(sorted_, axis=0, append=-np.inf) < 0, rows, len(positive))
    ends = np.minimum.accumulate(ends[::-1], axis=0)[::-1]
    precision = np.take_along_axis(hits.cumsum(0) / (rows + 1), ends, axis=0)
    return (precision * hits).sum(0) / hits.sum(0)

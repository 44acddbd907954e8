"""The fast path of a bootstrap, which asks hundreds of times: scores made of counts, and areas under curves by ranks.

All other scores call scikit-learn. Its functions for these take much longer per draw (docs/architecture.md, Libraries);
tests/training/metrics/test_fast_path.py holds that they give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]


@final
class Confusion:
    """How often each class (the last stands for those that the model does not know) was answered with each.

    Args:
        truth: Class numbers, shape (rows,); -1 for a class that the model does not know.
        answered: Class numbers, of the same shape.
        classes: How many classes the model knows.

    Attributes:
        table: Counts, shape (classes + 1, classes + 1), by true and answered class.
        right: How often each class was answered rightly.
        true: How often each class was true.
        answered: How often each class was answered.
        seen: Which classes were true or answered at all; means over classes are over these.
    """

    def __init__(self, truth: Ints, answered: Ints, classes: int) -> None:
        size = classes + 1
        cells = np.where(truth < 0, classes, truth) * size + answered
        self.table = np.bincount(cells, minlength=size * size).reshape(size, size)
        self.right, self.true, self.answered = self.table.diagonal(), self.table.sum(1), self.table.sum(0)
        self.seen: Bools = (self.true + self.answered) > 0

    def mean(self, values: Floats) -> float:
        """The mean over the classes that were seen."""
        return float(values[self.seen].mean())


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

"""Losses of one label per row, and the probabilities that scores which were trained with them stand for.

As in `label_losses`, each loss has its link: the map from scores to the probabilities under which they have the lowest
expected loss. What weights of classes add is undone there too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

CLASS_LOSSES = ("cross_entropy", "focal")
"""The focal loss (Lin et al., 2017) looks less at what is nearly right already."""

FOCUSING = 2.0
"""The focusing of the focal loss, as its authors set it."""

NEVER_SURE = 1e-7
"""The link takes nothing as surer than this: there its slope would be 0."""

COVERAGE = 0.999
"""How much of what a further row shows was seen in the rows before it (the beta of Cui et al., 2019): so a class has
the effect of a thousand rows at most."""


def class_losses(name: str, scores: Tensor) -> Tensor:
    """The loss of each row for each class, if that were its label, shape (rows, classes).

    Args:
        name: One of `CLASS_LOSSES`.
        scores: Shape (rows, classes).
    """
    logs = scores.float().log_softmax(1)
    return focal(logs) if name == "focal" else -logs


def class_probabilities(name: str, scores: Tensor, weights: Tensor) -> Tensor:
    """What scores stand for that were trained with a loss and weights of classes, shape (rows, classes)."""
    return class_logs(name, scores, weights).softmax(1)


def class_logs(name: str, scores: Tensor, weights: Tensor) -> Tensor:
    """The logarithms of these probabilities, but for a constant per row."""
    logs = scores.log_softmax(1)
    return (focal_link(logs) if name == "focal" else logs) - weights.log()


def class_weights(counts: Sequence[int]) -> Tensor:
    """One divided by the effective number of rows of each class (Cui et al., 2019), shape (classes,), so that the mean
    over rows is 1."""
    rows = torch.tensor(counts, dtype=torch.float64)
    weights = (1 - COVERAGE) / (1 - COVERAGE**rows)
    return weights * rows.sum() / (rows * weights).sum()


def focal(logs: Tensor) -> Tensor:
    """The focal loss of probabilities that are given as logarithms, entry by entry."""
    return -((-logs.expm1()) ** FOCUSING) * logs


def focal_link(logs: Tensor) -> Tensor:
    """From the logarithms of what a model says to those of what is so, but for a constant per row.

    The lowest expected loss is where the fraction of each class times the slope of its loss is the same for all
    (Charoenphakdee et al., 2021).
    """
    wrong = (-logs.expm1()).clamp_min(NEVER_SURE)
    slope = wrong**FOCUSING - FOCUSING * wrong ** (FOCUSING - 1) * logs.exp() * logs
    return logs - slope.log()

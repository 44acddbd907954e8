"""Losses of several labels per row, and the probabilities that scores which were trained with them stand for.

Each loss has its link: the map from a score to the probability under which that score has the lowest expected loss. So
models that were trained with different losses can be averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

FOCUSING, MARGIN = 4.0, 0.05
"""The negative focusing and the probability margin of the asymmetric loss, as its authors set them."""

SLIVER = 1e-6
"""How much of a score's own probability its link keeps, so that scores below the margin stay in order."""


@dataclass(frozen=True)
class LabelLoss:
    """A loss and its link.

    Attributes:
        loss: From scores (rows, labels), targets from 0 to 1 (rows, labels) and the weights of positives (labels,) to
            the loss of each row, shape (rows,).
        probabilities: From scores (rows, labels) and the weights of positives (labels,) to probabilities.
    """

    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor, Tensor], Tensor]


def _bce(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    return (softplus(scores) - targets * scores).sum(1)


def _weighted_bce(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    return ((1 - targets) * softplus(scores) + weights * targets * softplus(-scores)).sum(1)


def _asymmetric(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    shifted = (scores.sigmoid() - MARGIN).clamp_min(0.0)
    negative = shifted**FOCUSING * torch.log1p(-shifted)
    return -(targets * logsigmoid(scores) + (1 - targets) * negative).sum(1)


def _asymmetric_link(scores: Tensor, weights: Tensor) -> Tensor:
    """Where the expected loss has no slope, the odds are p times the slope of the negatives' loss at p."""
    p = scores.sigmoid()
    shifted = (p - MARGIN).clamp_min(0.0)
    slope = shifted**FOCUSING / (1 - shifted) - FOCUSING * shifted ** (FOCUSING - 1) * torch.log1p(-shifted)
    odds = p * (slope + SLIVER)
    return odds / (1 + odds)


def _zlpr(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    zero = scores.new_zeros(len(scores), 1)
    negative = torch.cat([zero, scores + (1 - targets).log()], 1)
    positive = torch.cat([zero, targets.log() - scores], 1)
    return negative.logsumexp(1) + positive.logsumexp(1)


LABEL_LOSSES: Mapping[str, LabelLoss] = {
    "bce": LabelLoss(_bce, lambda scores, weights: scores.sigmoid()),
    "weighted_bce": LabelLoss(_weighted_bce, lambda scores, weights: (scores - weights.log()).sigmoid()),
    "asymmetric": LabelLoss(_asymmetric, _asymmetric_link),
    "zlpr": LabelLoss(_zlpr, lambda scores, weights: scores.sigmoid()),
}

"""Losses of several labels per row, and the probabilities that scores which were trained with them stand for.

Each loss has its link: the map from a score to the probability under which that score has the lowest expected loss. So
models that were trained with different losses can be averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from autosft.training.class_losses import focal, focal_link

FOCUSING, MARGIN = 4.0, 0.05
"""The negative focusing and the probability margin of the asymmetric loss, as its authors set them; no positive one."""

SLIVER = 1e-6
"""How much of a score's own probability its link keeps, so that scores below the margin stay in order."""


@final
@dataclass(frozen=True)
class LabelLoss:
    """A loss and its link.

    Attributes:
        loss: From scores (rows, labels) and targets from 0 to 1 (rows, labels) to the loss of each row, shape (rows,).
        probabilities: From scores to probabilities, both of shape (rows, labels).
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor]


def label_loss(name: str, weights: Tensor) -> LabelLoss:
    """A loss by its name.

    `"bce"`: binary cross-entropy, summed over labels.
    `"weighted_bce"`: the same, positive rows of a label weighing as much as `weights` (labels,) says.
    `"asymmetric"`: ASL (Ridnik et al., 2021), which hardly looks at negatives that are clear already.
    `"zlpr"`: multi-label softmax in the form of ZLPR (Su et al., 2022): circle loss (Sun et al., 2020) over all pairs
    of a label that a row has and one that it has not, with a threshold at zero between them. Its link is right where
    one label is in doubt; where many are, probabilities lie too near to one half.
    `"focal"`: the focal loss (Lin et al., 2017) of each label, summed; it looks less at what is nearly right already.
    """
    return {
        "bce": LabelLoss(_bce, torch.sigmoid),
        "weighted_bce": LabelLoss(
            lambda scores, targets: _weighted_bce(scores, targets, weights),
            lambda scores: (scores - weights.log()).sigmoid(),
        ),
        "asymmetric": LabelLoss(_asymmetric, _asymmetric_link),
        "zlpr": LabelLoss(_zlpr, torch.sigmoid),
        "focal": LabelLoss(_focal, _focal_probabilities),
    }[name]


def _bce(scores: Tensor, targets: Tensor) -> Tensor:
    return (softplus(scores) - targets * scores).sum(1)


def _weighted_bce(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    return ((1 - targets) * softplus(scores) + weights * targets * softplus(-scores)).sum(1)


def _asymmetric(scores: Tensor, targets: Tensor) -> Tensor:
    shifted = (scores.sigmoid() - MARGIN).clamp_min(0.0)
    negative = -(shifted**FOCUSING) * torch.log1p(-shifted)
    return ((1 - targets) * negative - targets * logsigmoid(scores)).sum(1)


def _asymmetric_link(scores: Tensor) -> Tensor:
    """Where the expected loss has no slope, the odds are p times the slope of the negatives' loss at p.

    After the link of the focal loss (Charoenphakdee et al., 2021).
    """
    p = scores.sigmoid()
    shifted = (p - MARGIN).clamp_min(0.0)
    slope = shifted**FOCUSING / (1 - shifted) - FOCUSING * shifted ** (FOCUSING - 1) * torch.log1p(-shifted)
    odds = p * (slope + SLIVER)
    return odds / (1 + odds)


def _zlpr(scores: Tensor, targets: Tensor) -> Tensor:
    zero = scores.new_zeros(len(scores), 1)
    negative = torch.cat([zero, scores + (1 - targets).log()], 1)
    positive = torch.cat([zero, targets.log() - scores], 1)
    return negative.logsumexp(1) + positive.logsumexp(1)


def _focal(scores: Tensor, targets: Tensor) -> Tensor:
    scores = scores.float()
    return (targets * focal(logsigmoid(scores)) + (1 - targets) * focal(logsigmoid(-scores))).sum(1)


def _focal_probabilities(scores: Tensor) -> Tensor:
    return (focal_link(logsigmoid(scores)) - focal_link(logsigmoid(-scores))).sigmoid()

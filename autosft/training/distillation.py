"""How far a student's probabilities are from a teacher's, both softened by a temperature (Hinton et al., 2015)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div

LEAST = 1e-7
"""Probabilities nearer to 0 or 1 than that are taken for this: their logarithms would know no bound."""


def divergence(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """Of the classes of each row, shape (rows,), times the squared temperature.

    Args:
        teacher: Probabilities, shape (rows, classes).
        student: Logarithms of probabilities but for a constant per row, shape (rows, classes).
        temperature: What both logarithms are divided by.
    """
    soft = (teacher.float().clamp_min(LEAST).log() / temperature).log_softmax(1)
    own = (student / temperature).log_softmax(1)
    return temperature**2 * kl_div(own, soft, reduction="none", log_target=True).sum(1)


def binary_divergence(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """Of each label, shape (rows, labels), times the squared temperature.

    Args:
        teacher, student: Probabilities, shape (rows, labels).
        temperature: What the logarithms of both odds are divided by.
    """
    soft, own = (torch.logit(one.float(), LEAST) / temperature for one in (teacher, student))
    truth = soft.sigmoid()
    crossed = binary_cross_entropy_with_logits(own, truth, reduction="none")
    return temperature**2 * (crossed - binary_cross_entropy_with_logits(soft, truth, reduction="none"))

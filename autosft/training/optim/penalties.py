"""Penalties beside weight decay: L1 (Tibshirani, 1996) and L2-SP (Li et al., 2018).

As weight decay in AdamW (Loshchilov and Hutter, 2019) they stay out of the gradient, which Adam would divide by its own
size. After each step a weight moves as the penalty's proximal operator says for its rate (Parikh and Boyd, 2014).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from autosft.contracts.tensors import Model
from autosft.contracts.trial import Parts


def penalized(parameter: Tensor) -> bool:
    """Whether a parameter is drawn anywhere: norms and biases, which have one dimension, are not."""
    return parameter.ndim > 1


@final
class Penalties:
    """What draws the weights of a trial, after each step of its optimizer.

    Args:
        parts: Say how strongly, by their recipe.
        model: As it was built. Its encoder's weights are what L2-SP draws towards; where they mean nothing, because
            they were drawn at random, and in the heads, there is no such penalty.
    """

    def __init__(self, parts: Parts, model: Model) -> None:
        self._l1, self._l2_sp = parts.recipe.optim.l1, parts.recipe.optim.l2_sp
        weights = filter(penalized, model.encoder.parameters() if self._l2_sp and parts.pretrained else ())
        self._start = {weight: weight.detach().clone() for weight in weights}

    @torch.no_grad()
    def draw(self, groups: Iterable[Mapping[str, Any]]) -> None:
        """Move the weights of an optimizer's groups, in proportion to each group's present rate."""
        if not self._l1 and not self._start:
            return
        for group in groups:
            shrunk, pulled = group["lr"] * self._l1, group["lr"] * self._l2_sp
            for weight in group["params"]:
                if weight.grad is None or not penalized(weight):
                    continue
                if weight in self._start:
                    weight.lerp_(self._start[weight], pulled / (1 + pulled))
                if shrunk:
                    weight.copy_(softshrink(weight, shrunk))

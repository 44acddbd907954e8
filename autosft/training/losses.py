"""The loss of a batch over all of a model's problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from autosft.contracts.tensors import Batch, Model
from autosft.contracts.trial import Parts


def row_losses(parts: Parts, outs: Sequence[Any], targets: Sequence[Any]) -> Tensor:
    """The loss of each row, shape (rows,), summed over problems."""
    asked = zip(parts.problems, outs, targets, parts.states.problems, strict=True)
    return torch.stack([problem.loss(out, target, state, parts.recipe) for problem, out, target, state in asked]).sum(0)


def supervised(parts: Parts, model: Model) -> Callable[[Batch], Tensor]:
    """The mean of a batch's weighted losses, as a function from batch to scalar.

    Not divided by the batch's weights: their mean over the training rows is 1, and a batch of light rows is to move the
    model less than one of heavy rows. A row into which another was mixed has the loss with both targets, each by its
    share.
    """

    def loss(batch: Batch) -> Tensor:
        outs = model(batch)
        losses = row_losses(parts, outs, batch.targets) * batch.weights
        if mixed := batch.mixed:
            others = row_losses(parts, outs, mixed.targets) * mixed.weights
            losses = mixed.share * losses + (1 - mixed.share) * others
        return losses.mean()

    return loss

"""The loss of a batch over all of a model's problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from autosft.contracts.tensors import Batch, Model
from autosft.contracts.trial import Parts


def row_losses(parts: Parts, outs: Sequence[Any], targets: Sequence[Any]) -> Tensor:
    """The loss of each row, shape (rows,), summed over the problems that have one of each row."""
    asked = zip(parts.problems, outs, targets, parts.states.problems, strict=True)
    losses = [
        problem.loss(out, target, state, parts.recipe) for problem, out, target, state in asked if problem.loss_per_row
    ]
    return torch.stack(losses).sum(0)


def batch_losses(parts: Parts, outs: Sequence[Any], batch: Batch) -> Tensor:
    """The losses of those that have one of a whole batch, each divided by what it counts there, shape (). A part of a
    batch has its share of them.

    Raises:
        TypeError: There is such a one, and rows are mixed.
    """
    whole, total = batch.whole or batch, batch.weights.new_zeros(())
    asked = zip(parts.problems, outs, batch.targets, parts.states.problems, strict=True)
    for position, (problem, out, target, state) in enumerate(asked):
        if not problem.loss_per_row:
            if batch.mixed:
                raise TypeError(f"{problem.name!r} has one loss for a whole batch, whose rows cannot be mixed.")
            counted = problem.normalizer(whole.targets[position])
            total = total + problem.loss(out, target, state, parts.recipe) * (len(whole) / len(batch) / counted)
    return total


def supervised(parts: Parts, model: Model) -> Callable[[Batch], Tensor]:
    """The mean of a batch's weighted losses, as a function from batch to scalar, and with it those of a whole batch.

    Not divided by the batch's weights: their mean over the training rows is 1, and a batch of light rows is to move the
    model less than one of heavy rows. A row into which another was mixed has the loss with both targets, each by its
    share.
    """

    def loss(batch: Batch) -> Tensor:
        outs = model(batch)
        total = batch_losses(parts, outs, batch)
        if any(problem.loss_per_row for problem in parts.problems):
            losses = row_losses(parts, outs, batch.targets) * batch.weights
            if mixed := batch.mixed:
                others = row_losses(parts, outs, mixed.targets) * mixed.weights
                losses = mixed.share * losses + (1 - mixed.share) * others
            total = total + losses.mean()
        return total

    return loss

"""The loss of a batch over all targets of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from autosft.contracts.tensors import Batch, Model
from autosft.contracts.trial import Parts


def row_losses(parts: Parts, outs: Sequence[Any], batch: Batch) -> Tensor:
    """The weighted loss of each row, shape (rows,): the sum over the targets whose problem has one of each row,
    times their weights in the task.

    Where rows lack a target, those that have it count for them, so that the mean over the rows of a whole
    batch is for each target that over the rows that have it. A row into which another was mixed has the loss
    with both targets, each by its weight.

    Args:
        parts: The problems, with their weights in the task.
        outs: What the model gave, one entry per target.
        batch: The rows, with targets.
    """
    losses = _of_targets(parts, outs, batch.targets, batch) * batch.weights
    if mixed := batch.mixed:
        others = _of_targets(parts, outs, mixed.targets, batch) * mixed.weights
        losses = mixed.lam * losses + (1 - mixed.lam) * others
    return losses


def _of_targets(parts: Parts, outs: Sequence[Any], targets: Sequence[Any], batch: Batch) -> Tensor:
    """The loss of each row, shape (rows,), without the weights of rows."""
    whole, total = batch.whole or batch, batch.weights.new_zeros(len(batch))
    asked = zip(parts.problems, outs, targets, parts.states.problems, parts.recipes, strict=True)
    for position, (problem, out, target, state, recipe) in enumerate(asked):
        if not problem.loss_per_row or not batch.count(position):
            continue
        losses, having = problem.loss(out, target, state, recipe), batch.having(position)
        losses = parts.task.targets[position].weight * losses
        if whole.having(position) is not None:
            losses = losses * (len(whole) / whole.count(position))
        total = total + (losses if having is None else losses.new_zeros(len(batch)).index_copy(0, having, losses))
    return total


def batch_losses(parts: Parts, outs: Sequence[Any], batch: Batch) -> Tensor:
    """The losses of the targets whose problem has one of a whole batch, each divided by what it counts there and times
    its weight in the task, shape (). A part of a batch has its fraction of them.

    Raises:
        TypeError: There is such a one, and rows are mixed.
    """
    whole, total = batch.whole or batch, batch.weights.new_zeros(())
    asked = zip(parts.problems, outs, batch.targets, parts.states.problems, parts.recipes, strict=True)
    for position, (problem, out, target, state, recipe) in enumerate(asked):
        if not problem.loss_per_row and batch.count(position):
            if batch.mixed:
                raise TypeError(f"{problem.name!r} has one loss for a whole batch, whose rows cannot be mixed.")
            counted = problem.normalizer(whole.targets[position])
            fraction = parts.task.targets[position].weight * len(whole) / len(batch) / counted
            total = total + problem.loss(out, target, state, recipe) * fraction
    return total


def supervised(parts: Parts, model: Model) -> Callable[[Batch], Tensor]:
    """The mean of a batch's weighted losses, as a function from batch to scalar, and with it those of a whole batch.

    Not divided by the batch's weights: their mean over the training rows is 1, and a batch of light rows is to move the
    model less than one of heavy rows.

    Args:
        parts: The problems, with their weights in the task.
        model: Answers the batches.
    """

    def loss(batch: Batch) -> Tensor:
        outs = model(batch)
        total = batch_losses(parts, outs, batch)
        if any(problem.loss_per_row for problem in parts.problems):
            total = total + row_losses(parts, outs, batch).mean()
        return total

    return loss

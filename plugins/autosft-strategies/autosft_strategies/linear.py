"""A problem's loss as a function of a linear head on fixed features, and its minimum. Imported when a probe fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

from autosft.contracts.strategy import Job
from autosft.contracts.tensors import LinearHead

ITERATIONS = 200
FINE, COARSE = 1e-7, 2e-6
"""A solution is good enough when a step changes the mean loss by less than this: `COARSE` to compare penalties."""

Solution = tuple[Tensor, Tensor]
"""Weight (outputs, width) and bias (outputs,)."""


class LinearProblem:
    """The loss of one problem over fixed features.

    Args:
        job: Whose problem it is.
        position: Which of the job's problems.
        head: The problem's head, for its shape.
        features: Standardized features, shape (rows, width).
        targets: The targets of the rows, as written.
        weights: The weights of the rows, shape (rows,).
    """

    def __init__(
        self, job: Job, position: int, head: LinearHead, features: Tensor, targets: Sequence[Any], weights: Tensor
    ) -> None:
        self._recipe, self._problem, self._state = job.recipe, job.problems[position], job.states.problems[position]
        self._features, self._weights = features, weights
        self._targets: Tensor = self._problem.encode(targets, self._state)
        self._outputs = head.linear.out_features

    def loss(self, rows: Tensor, solution: Solution) -> Tensor:
        """The weighted loss of each of these rows."""
        return self._loss(self._features[rows], self._targets[rows], self._weights[rows], solution)

    def solve(self, rows: Tensor, strength: float, start: Solution | None, *, tolerance: float = FINE) -> Solution:
        """Minimize the mean loss of these rows plus `strength / width` times half the squared weights."""
        features, targets, weights = self._features[rows], self._targets[rows], self._weights[rows]
        width = features.shape[1]
        weight = start[0].clone() if start else features.new_zeros(self._outputs, width)
        bias = start[1].clone() if start else features.new_zeros(self._outputs)
        weight.requires_grad_()
        bias.requires_grad_()
        optimizer = torch.optim.LBFGS(
            [weight, bias],
            max_iter=ITERATIONS,
            tolerance_change=tolerance,
            history_size=20,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            penalty = 0.5 * strength * weight.square().sum() / width
            value = self._loss(features, targets, weights, (weight, bias)).sum() / weights.sum() + penalty
            value.backward()
            return value

        # L-BFGS evaluates the closure with gradients; torch annotates its result as a float.
        optimizer.step(closure)  # pyright: ignore[reportArgumentType]
        return weight.detach(), bias.detach()

    def _loss(self, features: Tensor, targets: Tensor, weights: Tensor, solution: Solution) -> Tensor:
        weight, bias = solution
        out = features @ weight.T + bias
        return self._problem.loss(out, targets, self._state, self._recipe) * weights

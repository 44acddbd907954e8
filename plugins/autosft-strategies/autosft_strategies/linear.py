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

SPARSE_UNIT = 1e-3
"""With it the penalties of the probe reach from what a hundred noisy rows need to what a million clean ones do: `C` of
scikit-learn is a thousand divided by strength and rows, where rows have length 1."""

WIDE = 2
"""Features of more than so many times as many columns as rows are turned first."""

Solution = tuple[Tensor, Tensor]
"""Weight (outputs, columns) and bias (outputs,). The columns are those of the features, or where these are wide, as
many as there are rows: `LinearProblem.unturned`."""


class LinearProblem:
    """The loss of one problem over fixed features.

    The best weights lie among the sums of rows. Where features are wide they are turned so that these fill the first
    columns and the others, which are zero, can go: that changes no loss and no penalty (Hastie and Tibshirani, 2004).

    Args:
        job: Whose problem it is.
        position: Which of the job's problems.
        head: The problem's head, for its shape.
        features: Standardized features, shape (rows, width), or a sparse CSR tensor.
        targets: The targets of the rows, as written.
        weights: The weights of the rows, shape (rows,).
    """

    def __init__(
        self, job: Job, position: int, head: LinearHead, features: Tensor, targets: Sequence[Any], weights: Tensor
    ) -> None:
        self._recipe, self._problem, self._state = job.recipe, job.problems[position], job.states.problems[position]
        self._features, self._basis = _turned(features)
        self._weights, self._penalty = weights, _penalty(features)
        self._targets: Tensor = self._problem.encode(targets, self._state)
        self._outputs = head.linear.out_features

    def unturned(self, solution: Solution) -> Solution:
        """The same for features as they were given."""
        weight, bias = solution
        return (weight if self._basis is None else weight @ self._basis.T), bias

    def loss(self, rows: Tensor, solution: Solution) -> Tensor:
        """The weighted loss of each of these rows."""
        return self._loss(_Matrix(self._features, rows), self._targets[rows], self._weights[rows], solution)

    def solve(self, rows: Tensor, strength: float, start: Solution | None, *, tolerance: float = FINE) -> Solution:
        """Minimize the mean loss of these rows, plus half the squared weights times `strength` in the unit of
        `_penalty`."""
        features, targets, weights = _Matrix(self._features, rows), self._targets[rows], self._weights[rows]
        weight = start[0].clone() if start else torch.zeros(self._outputs, self._features.shape[1])
        bias = start[1].clone() if start else torch.zeros(self._outputs)
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
            penalty = 0.5 * strength * self._penalty * weight.square().sum()
            value = self._loss(features, targets, weights, (weight, bias)).sum() / weights.sum() + penalty
            value.backward()
            return value

        # L-BFGS evaluates the closure with gradients; torch annotates its result as a float.
        optimizer.step(closure)  # pyright: ignore[reportArgumentType]
        return weight.detach(), bias.detach()

    def _loss(self, features: _Matrix, targets: Tensor, weights: Tensor, solution: Solution) -> Tensor:
        weight, bias = solution
        out = features.times(weight) + bias
        return self._problem.loss(out, targets, self._state, self._recipe) * weights


def _turned(features: Tensor) -> tuple[Tensor, Tensor | None]:
    """Features in coordinates in which as many columns as there are rows say all, and the directions of these columns,
    shape (width, rows); or the features as they are, if they are sparse or not wide."""
    if features.layout != torch.strided or features.shape[1] <= WIDE * len(features):
        return features, None
    basis, turned = torch.linalg.qr(features.T)
    return turned.T.contiguous(), basis


def _penalty(features: Tensor) -> float:
    """What makes one strength mean the same for features of any number and scale: one divided by their number, as they
    have unit variance; for sparse features, which are many and mostly 0, a share of a row's mean squared length."""
    if features.layout == torch.strided:
        return 1 / features.shape[1]
    return SPARSE_UNIT * float(features.values().square().sum()) / len(features)


class _Matrix:
    """Some rows of features, to be multiplied by weights again and again."""

    def __init__(self, features: Tensor, rows: Tensor) -> None:
        if features.layout == torch.strided:
            self._rows, self._columns = features[rows], None
        else:
            chosen = features.to_sparse_coo().index_select(0, rows)
            self._rows, self._columns = chosen.to_sparse_csr(), chosen.t().to_sparse_csr()

    def times(self, weight: Tensor) -> Tensor:
        """The product with weights (outputs, width), shape (rows, outputs)."""
        if self._columns is None:
            return self._rows @ weight.T
        return _SparseProduct.apply(weight, self._rows, self._columns)


class _SparseProduct(torch.autograd.Function):
    """Torch would transpose the matrix in every backward pass; here both ways are laid out once."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        ctx.columns = columns
        return rows @ weight.T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return (ctx.columns @ gradients[0]).T, None, None

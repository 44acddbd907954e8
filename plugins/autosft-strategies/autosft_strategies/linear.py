"""A problem's loss as a function of a linear head on fixed features, and its minimum. Imported when a probe fits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch  # noqa: TID253
from scipy.optimize import minimize
from scipy.sparse import csr_array
from torch import Tensor  # noqa: TID253

from autosft.api import Parts, Runtime
from autosft.api.tensors import LinearHead

ITERATIONS = 300
GRADIENT = 1e-4
"""A solution is good enough when no derivative of the objective is larger: scikit-learn's own limit."""

SPARSE_UNIT = 1e-3
"""With it the penalties of the probe reach from what a hundred noisy rows need to what a million clean ones do: `C` of
scikit-learn is a thousand divided by strength and rows, where rows have length 1."""

ROUNDING = 1e-9
"""Nor does it pay to go on where a step changes the objective by no more than this fraction of it."""

WIDE = 2
"""Features of more than so many times as many columns as rows are turned first."""

MOST_NUMBERS = 1e9
"""Where features have more numbers than this, times outputs, a step takes a second and more: then the clock is looked
at after each of them, which scikit-learn would not do."""

ABSENT = 10.0
"""A class without rows has a score so far below that of the rarest."""

Solution = tuple[Tensor, Tensor]
"""Weight (outputs, columns) and bias (outputs,). The columns are those of the features, or where these are wide, as
many as there are rows: `LinearProblem.unturned`."""


class LinearProblem:
    """The loss of one problem over fixed features.

    The best weights lie among the sums of rows. Where features are wide they are turned so that these fill the first
    columns and the others, which are zero, can go: that changes no loss and no penalty (Hastie and Tibshirani, 2004).

    Args:
        parts: Whose target it is.
        runtime: Knows the time that is left.
        position: Which of the targets.
        head: The problem's head, for its shape.
        features: Standardized features, shape (rows, width), or a sparse CSR tensor.
        targets: The targets of the rows, as written; or of the first ones, where only `relabelled` is asked.
        weights: The weights of these rows, shape (rows,).

    Attributes:
        outputs: How many numbers a raw output has.
        seconds_left: How long solving may take.
        is_logistic: Whether the loss is that of logistic regression, and the features are not too many to wait for.
    """

    def __init__(
        self,
        parts: Parts,
        runtime: Runtime,
        position: int,
        head: LinearHead,
        features: Tensor,
        targets: Sequence[Any],
        weights: Tensor,
    ) -> None:
        self._problem, self._state = parts.problems[position], parts.states.problems[position]
        self._recipe, self.seconds_left = parts.recipes[position], runtime.seconds_left
        self._features, self._basis = _turned(features)
        self._weights, self._penalty = weights, _penalty(features)
        self._targets: Tensor = self._problem.encode(targets, self._state)
        self.outputs = head.linear.out_features
        numbers = features.numel() if features.layout == torch.strided else features.values().numel()
        self.is_logistic = self._problem.is_logistic(self._recipe) and self.outputs * numbers <= MOST_NUMBERS

    def unturned(self, solution: Solution) -> Solution:
        """The same for features as they were given."""
        weight, bias = solution
        return (weight if self._basis is None else weight @ self._basis.T), bias

    def on(self, rows: Tensor | None = None) -> Objective:
        """The loss over some of the rows, or over all."""
        if rows is None:
            return Objective(self, self._features, self._targets, self._weights)
        some = self._features[rows.numpy() if isinstance(self._features, csr_array) else rows]
        return Objective(self, some, self._targets[rows], self._weights[rows])

    def relabelled(self, rows: Tensor, targets: Tensor, weights: Tensor) -> Objective:
        """The loss over some of the rows, with other targets and weights.

        Args:
            rows: Their positions, shape (some,).
            targets: As the problem encodes them, one for each.
            weights: Shape (some,).
        """
        some = self._features[rows.numpy() if isinstance(self._features, csr_array) else rows]
        return Objective(self, some, targets, weights)

    def raw(self, solution: Solution) -> Tensor:
        """The raw outputs of all rows, shape (rows, outputs)."""
        return raw_of(self._features, solution)

    def descend(self, value: Callable[[Tensor], Tensor], penalty: float, start: Solution, gradient: float) -> Solution:
        """The minimum of any function of the raw outputs of all rows, beside the penalty; see `descend`."""
        return descend(self, self._features, value, penalty, start, gradient)

    def losses(self, out: Tensor, targets: Tensor) -> Tensor:
        """The loss of each row, of raw outputs (rows, outputs) and encoded targets."""
        return self._problem.loss(out, targets, self._state, self._recipe)

    def penalty(self, strength: float) -> float:
        """What a strength multiplies half the squared weights by."""
        return strength * self._penalty


@final
class Objective:
    """The mean loss over some rows, plus half the squared weights times a penalty.

    Args:
        problem: Whose loss.
        features: Of the rows, shape (rows, columns), dense or sparse.
        targets: Their encoded targets.
        weights: Their weights, shape (rows,).
    """

    def __init__(self, problem: LinearProblem, features: Any, targets: Tensor, weights: Tensor) -> None:
        self._problem, self._features, self._targets, self._weights = problem, features, targets, weights

    def loss(self, solution: Solution) -> Tensor:
        """The weighted loss of each row."""
        with torch.no_grad():
            return self._problem.losses(raw_of(self._features, solution), self._targets) * self._weights

    def solve(self, strength: float, start: Solution | None, gradient: float = GRADIENT) -> Solution:
        """The minimum, sought from `start` or from 0 until no derivative is larger than `gradient`; if the time is up
        then, what was reached. scikit-learn seeks it where it is that of logistic regression, else SciPy."""
        penalty = self._problem.penalty(strength)
        return (self._logistic if self._problem.is_logistic else self._smooth)(penalty, start, gradient)

    def _logistic(self, penalty: float, start: Solution | None, gradient: float) -> Solution:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        known = (self._targets >= 0).numpy()
        weights = self._weights.numpy()[known]
        classes, targets = np.unique(self._targets.numpy()[known], return_inverse=True)
        if len(classes) < 2:
            return self._smooth(penalty, start, gradient)
        sides = 2 if len(classes) == 2 else 1  # of two classes it has the difference of scores alone
        model = LogisticRegression(
            C=sides / (penalty * float(self._weights.sum())), max_iter=ITERATIONS, tol=gradient, warm_start=True
        )
        if start:
            weight, bias = start[0][classes].numpy(), start[1][classes].numpy()
            model.classes_ = np.arange(len(classes))
            model.coef_ = weight[1:] - weight[:1] if sides == 2 else weight
            model.intercept_ = bias[1:] - bias[:1] if sides == 2 else bias
        features = self._features if isinstance(self._features, csr_array) else self._features.numpy()
        if not known.all():
            features = features[known]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, targets, sample_weight=weights)
        weight, bias = (torch.from_numpy(np.asarray(found, np.float32)) for found in (model.coef_, model.intercept_))
        if sides == 2:
            weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
        every_weight = torch.zeros(self._problem.outputs, weight.shape[1])
        every_bias = torch.full((self._problem.outputs,), float(bias.min()) - ABSENT)
        every_weight[classes], every_bias[classes] = weight, bias
        return every_weight, every_bias

    def _smooth(self, penalty: float, start: Solution | None, gradient: float) -> Solution:
        total = float(self._weights.sum())

        def value(out: Tensor) -> Tensor:
            return (self._problem.losses(out, self._targets) * self._weights).double().sum() / total

        return descend(self._problem, self._features, value, penalty, start, gradient)


def descend(
    problem: LinearProblem,
    features: Any,
    value: Callable[[Tensor], Tensor],
    penalty: float,
    start: Solution | None,
    gradient: float = GRADIENT,
) -> Solution:
    """A minimum of a function of raw outputs plus half the squared weights times a penalty, by SciPy's L-BFGS; if the
    time is up before, what was reached.

    Args:
        problem: Knows the time that is left, and how many outputs there are.
        features: Dense or sparse, shape (rows, columns), as `LinearProblem` has them.
        value: From raw outputs (rows, outputs) to a scalar.
        penalty: See `LinearProblem.penalty`.
        start: Where to begin; None means 0.
        gradient: No derivative of the objective is larger at the minimum.
    """

    def solution_of(numbers: npt.NDArray[np.float64]) -> Solution:
        values = torch.from_numpy(numbers).float().view(problem.outputs, -1)
        return values[:, :-1], values[:, -1]

    def value_and_gradient(numbers: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weight, bias = solution_of(numbers)
        out = raw_of(features, (weight, bias)).requires_grad_()
        found = value(out)
        (slopes,) = torch.autograd.grad(found, out)
        whole = float(found.detach()) + 0.5 * penalty * float(weight.double().square().sum())
        gradient = torch.cat([_summed(features, slopes) + penalty * weight, slopes.sum(0)[:, None]], 1)
        return whole, gradient.double().flatten().numpy()

    def look_at_the_clock(_: object) -> None:
        if problem.seconds_left() < 0:
            raise StopIteration

    begin = torch.zeros(problem.outputs, features.shape[1] + 1)
    if start:
        begin = torch.cat([start[0], start[1][:, None]], 1)
    found = minimize(
        value_and_gradient,
        begin.double().flatten().numpy(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ITERATIONS, "gtol": gradient, "ftol": ROUNDING},
        callback=look_at_the_clock,
    )
    weight, bias = solution_of(found.x)
    return weight.contiguous(), bias.clone()


def _summed(features: Any, slopes: Tensor) -> Tensor:
    """The sum of rows, each times its slopes (rows, outputs), shape (outputs, columns)."""
    if isinstance(features, csr_array):
        return torch.from_numpy(np.ascontiguousarray((features.T @ slopes.numpy()).T))
    return slopes.T @ features


def raw_of(features: Any, solution: Solution) -> Tensor:
    """Raw outputs, shape (rows, outputs), of dense or sparse features."""
    weight, bias = solution
    if isinstance(features, csr_array):
        return torch.from_numpy(features @ weight.T.numpy()) + bias
    return features @ weight.T + bias


def _turned(features: Tensor) -> tuple[Any, Tensor | None]:
    """Features in coordinates in which as many columns as there are rows say all, and the directions of these columns,
    shape (width, rows); or the features as they are if they are not wide, and if they are sparse as SciPy has them."""
    if features.layout != torch.strided:
        parts = (part.numpy() for part in (features.values(), features.col_indices(), features.crow_indices()))
        return csr_array(tuple(parts), shape=tuple(features.shape)), None
    if features.shape[1] <= WIDE * len(features):
        return features, None
    basis, turned = torch.linalg.qr(features.T)
    return turned.T.contiguous(), basis


def _penalty(features: Tensor) -> float:
    """What makes one strength mean the same for features of any number and scale: one divided by their number, as they
    have unit variance; for sparse features, which are many and mostly 0, a fraction of a row's mean squared length."""
    if features.layout == torch.strided:
        return 1 / features.shape[1]
    return SPARSE_UNIT * float(features.values().square().sum()) / len(features)

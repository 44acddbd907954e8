"""`Regression`: one number per row, or several."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.space import Choice, Space
from autosft.contracts.state import State
from autosft.errors import BadInput
from autosft.training.metrics import REGRESSION

if TYPE_CHECKING:
    from torch import Tensor, nn

    from autosft.contracts.tensors import Batch, Model

LOSSES = ("squared_error", "huber", "absolute_error")
"""Of standardized numbers; Huber's (1964) goes from squared to absolute at one standard deviation of the targets."""

LARGEST = 1e100
"""The largest number that a target may be: squares and sums of such numbers are still finite."""

BINS, LEAST_IN_BIN = 10, 10
"""A split keeps the tenths of the distribution in proportion, but no tenth of fewer rows than these."""


@final
class Regression(Problem):
    """Numbers; a target is a float, or a tuple of as many floats in every row.

    Outputs hold `"values"` (rows, numbers), in the unit of the targets.
    """

    name = "regression"
    needs = frozenset({"pooled"})
    metrics = REGRESSION
    space: ClassVar[Space] = {"loss": Choice(LOSSES, doc="loss of a standardized number")}
    averages_targets = True
    ignores = frozenset({"regular.label_smoothing", "regular.balance", "regular.cutmix"})

    def fit(self, targets: Sequence[Any]) -> State:
        """The range, mean and standard deviation of each number."""
        table = numbers_of(targets)
        if not len(table):
            raise BadInput("There are no training rows.")
        low, high = table.min(0), table.max(0)
        constant = np.flatnonzero(low == high)
        if len(constant):
            which = f"number {constant[0] + 1} of each target" if table.shape[1] > 1 else "target"
            raise BadInput(f"The {which} is {low[constant[0]]:g} in all training rows; there is nothing to predict.")
        values = {"low": low.tolist(), "high": high.tolist(), "single": not isinstance(targets[0], tuple)}
        spread = high - low  # squares of very small numbers would be zero
        return State(values, {"mean": table.mean(0), "scale": ((table - low) / spread).std(0) * spread})

    def strata(self, targets: Sequence[Any]) -> Sequence[Hashable]:
        """Which tenth of the distribution a number lies in; of several numbers, one stratum each."""
        bins = _bins(numbers_of(targets))
        if bins.shape[1] == 1:
            return bins[:, 0].tolist()
        return [frozenset(enumerate(row)) for row in bins.tolist()]

    def describe(self, state: State) -> str:
        """The range of each number."""
        low, high = state.values["low"], state.values["high"]
        ranges = [f"{one:g} to {other:g}" for one, other in zip(low, high, strict=True)]
        listed = ", ".join(ranges[:4]) + (" …" if len(ranges) > 4 else "")
        return f"numbers from {listed}" if len(ranges) == 1 else f"{len(ranges)} numbers per row, from {listed}"

    def head(self, widths: Mapping[str, int], state: State, recipe: Recipe) -> nn.Module:
        """A linear layer with a standardized number per target."""
        from autosft.contracts.tensors import LinearHead

        return LinearHead(widths["pooled"], len(state.arrays["mean"]), recipe.regular.dropout)

    def encode(self, targets: Sequence[Any], state: State) -> Tensor:
        """Standardized numbers, shape (rows, targets)."""
        import torch

        table = (numbers_of(targets, len(state.arrays["mean"])) - state.arrays["mean"]) / state.arrays["scale"]
        return torch.from_numpy(table.astype(np.float32))

    def loss(self, out: Tensor, targets: Tensor, state: State, recipe: Recipe) -> Tensor:
        """The chosen loss, summed over the targets."""
        from torch.nn.functional import huber_loss, l1_loss, mse_loss

        losses = {"squared_error": mse_loss, "huber": huber_loss, "absolute_error": l1_loss}
        return losses[str(recipe.of(self.name).get("loss", LOSSES[0]))](out, targets, reduction="none").sum(1)

    def outputs(self, out: Tensor, batch: Batch, state: State, recipe: Recipe, model: Model) -> Outputs:
        """Numbers in the unit of the targets."""
        tensors = self.tensors(out.cpu(), state, recipe)
        return Outputs({name: tensor.numpy() for name, tensor in tensors.items()})

    def tensors(self, out: Tensor, state: State, recipe: Recipe) -> Mapping[str, Tensor]:
        """The numbers, in double precision."""
        import torch

        scale, mean = (torch.as_tensor(state.arrays[name], dtype=torch.float64) for name in ("scale", "mean"))
        return {"values": out.float().double() * scale + mean}

    def pseudo_labels(
        self, outputs: Outputs, state: State
    ) -> tuple[Sequence[float | tuple[float, ...]], npt.NDArray[np.float64]]:
        """The numbers; they do not say how sure they are, so all are taken for sure."""
        values = outputs.arrays["values"].tolist()
        return [row[0] if state.values["single"] else tuple(row) for row in values], np.ones(len(values))

    def distillation_loss(
        self, out: Tensor, answers: Mapping[str, Tensor], state: State, recipe: Recipe, temperature: float
    ) -> Tensor:
        """The chosen loss with the teacher's numbers as targets; they have no temperature."""
        import torch

        scale, mean = (torch.as_tensor(state.arrays[name]).to(out) for name in ("scale", "mean"))
        return self.loss(out, (answers["values"].to(out) - mean) / scale, state, recipe)

    def validation_loss(self, outputs: Outputs, targets: Sequence[Any], state: State) -> npt.NDArray[np.float64]:
        """The squared error of standardized numbers, summed over the targets."""
        values = outputs.arrays["values"]
        return (((values - numbers_of(targets, values.shape[1])) / state.arrays["scale"]) ** 2).sum(1)

    def decide(self, outputs: Outputs, state: State) -> Sequence[float | list[float]]:
        """A number, or a list of numbers where the targets are tuples."""
        values = outputs.arrays["values"]
        return values[:, 0].tolist() if state.values["single"] else values.tolist()

    def compared(self, outputs: Outputs, targets: Sequence[Any], state: State) -> Mapping[str, Any]:
        """`truth` and `answered`, both (rows, numbers)."""
        values = outputs.arrays["values"]
        return {"truth": numbers_of(targets, values.shape[1]), "answered": values}


def numbers_of(targets: Sequence[Any], count: int = 0) -> npt.NDArray[np.float64]:
    """Targets as a table, shape (rows, targets).

    Args:
        targets: As written.
        count: How many numbers each must have; 0 means as many as the first.

    Raises:
        BadInput: A target is no number or no finite one, or has more or fewer numbers than the others.
    """
    rows = [target if isinstance(target, tuple) else (target,) for target in targets]
    count = count or max(1, len(rows[0]) if rows else 1)
    for row in rows:
        if len(row) != count:
            raise BadInput(f"The target {row!r} has {len(row)} numbers instead of {count}.")
    try:
        table = np.array(rows, dtype=np.float64).reshape(len(rows), count)
    except (TypeError, ValueError):
        table = np.array([[_number(value) for value in row] for row in rows])
    sound = np.abs(table) <= LARGEST
    if not sound.all():
        row = int(np.flatnonzero(~sound.all(1))[0])
        raise BadInput(f"The target {targets[row]!r} is not finite, or beyond {LARGEST:g}.")
    return table


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The target {value!r} is no number; a label needs another problem than regression.") from error


def _bins(table: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The number of the quantile bin of each entry, shape (rows, targets); equal numbers share a bin."""
    if not len(table):
        return np.zeros(table.shape, dtype=np.int64)
    count = min(BINS, max(1, len(table) // LEAST_IN_BIN))
    inner = np.linspace(0, 1, count + 1)[1:-1]
    columns = [np.searchsorted(np.unique(np.quantile(column, inner)), column, side="right") for column in table.T]
    return np.stack(columns, axis=1)

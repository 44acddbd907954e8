"""`Classification`: one label per row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.state import State
from autosft.errors import BadInput
from autosft.training.metrics import CLASSIFICATION, classification_score

if TYPE_CHECKING:
    from torch import Tensor, nn

    from autosft.contracts.tensors import Batch, Model


@final
class Classification(Problem):
    """One of two or more labels per row; a target is a text. Outputs hold `"probabilities"` (rows, classes)."""

    name = "classification"
    needs = frozenset({"pooled"})
    metrics = tuple(CLASSIFICATION)

    def fit(self, targets: Sequence[Any]) -> State:
        """The class names in order, and how many rows each has."""
        counts = Counter(map(str, targets))
        if len(counts) < 2:
            only = f" ({next(iter(counts))!r})" if counts else ""
            raise BadInput(f"Only one class{only} has training rows; classification needs two or more.")
        classes = _in_order(counts)
        return State({"classes": classes, "counts": [counts[name] for name in classes]})

    def strata(self, targets: Sequence[Any]) -> Sequence[Hashable]:
        """The label itself."""
        return [str(target) for target in targets]

    def describe(self, state: State) -> str:
        """The number of classes, and the first of them."""
        classes = state.values["classes"]
        listed = ", ".join(classes[:8]) + (" …" if len(classes) > 8 else "")
        return f"{len(classes)} classes: {listed}"

    def head(self, widths: Mapping[str, int], state: State, recipe: Recipe) -> nn.Module:
        """A linear layer with a logit per class."""
        from autosft.contracts.tensors import LinearHead

        return LinearHead(widths["pooled"], len(state.values["classes"]), recipe.regular.dropout)

    def encode(self, targets: Sequence[Any], state: State) -> Tensor:
        """Class numbers, shape (rows,); -1 for a label without training rows."""
        import torch

        numbers = {name: number for number, name in enumerate(state.values["classes"])}
        return torch.tensor([numbers.get(str(target), -1) for target in targets], dtype=torch.int64)

    def loss(self, out: Tensor, targets: Tensor, state: State, recipe: Recipe) -> Tensor:
        """Cross-entropy with label smoothing; zero where the label is unknown."""
        from torch.nn.functional import cross_entropy

        smoothing = recipe.regular.label_smoothing
        return cross_entropy(out, targets, ignore_index=-1, label_smoothing=smoothing, reduction="none")

    def outputs(self, out: Tensor, batch: Batch, state: State, recipe: Recipe, model: Model) -> Outputs:
        """Softmax probabilities."""
        return Outputs(batch.rows, {"probabilities": out.float().softmax(1).cpu().numpy()})

    def decide(self, outputs: Outputs, state: State) -> Sequence[str]:
        """The most probable class."""
        classes = state.values["classes"]
        return [classes[number] for number in outputs.arrays["probabilities"].argmax(1)]

    def score(self, metric: str, outputs: Outputs, targets: Sequence[Any], state: State) -> float:
        """One of `CLASSIFICATION`."""
        numbers = {name: number for number, name in enumerate(state.values["classes"])}
        truth = np.array([numbers.get(str(target), -1) for target in targets])
        return classification_score(metric, truth, outputs.arrays["probabilities"])

    def highest(self, metric: str) -> float:
        """0 for negative errors and losses, 1 for all others."""
        return CLASSIFICATION[metric].highest

    def about(self, metric: str) -> str:
        """The line of the table."""
        return CLASSIFICATION[metric].about


def _in_order(names: Iterable[str]) -> list[str]:
    """As numbers where all are, else as texts: scores of ordered classes go by it."""
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)

"""`MultiLabel`: any number of labels per row, also none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.space import Choice, Space
from autosft.contracts.state import State
from autosft.errors import BadInput
from autosft.training.log_loss import log_losses
from autosft.training.metrics import MULTILABEL
from autosft.training.thresholds import LabelRule, choose_rule

if TYPE_CHECKING:
    from torch import Tensor, nn

    from autosft.contracts.tensors import Batch, Model
    from autosft.training.label_losses import LabelLoss

LOSSES = ("bce", "weighted_bce", "asymmetric", "zlpr", "focal")
"""See `training.label_losses`. A weighted positive row counts as much as the root of the number of negative rows per
positive one: with the number itself, synthetic rare labels were ranked worse."""


@final
class MultiLabel(Problem):
    """Any number of labels per row; a target is a tuple of texts. Outputs hold `"probabilities"` (rows, labels)."""

    name = "multilabel"
    needs = frozenset({"pooled"})
    metrics = MULTILABEL
    space: ClassVar[Space] = {"loss": Choice(LOSSES, doc="loss of a label")}
    averages_targets = True
    ignores = frozenset({"regular.balance"})  # a choice of losses has that of positive and negative rows

    def fit(self, targets: Sequence[Any]) -> State:
        """The sorted labels, how many rows each has, and the weights of positive rows."""
        sets = [frozenset(labels_of(target)) for target in targets]
        counts = Counter(label for labels in sets for label in labels)
        if len(set(sets)) < 2:
            only = f", {sorted(sets[0])}" if sets else ""
            raise BadInput(f"All training rows have the same labels{only}; there is nothing to tell apart.")
        classes = sorted(counts)
        positive = np.array([counts[label] for label in classes], dtype=np.float64)
        return State(
            {
                "classes": classes,
                "counts": [counts[label] for label in classes],
                "rows": len(sets),
                "unlabeled": sum(not labels for labels in sets),
                "top": False,
            },
            {
                "thresholds": np.full(len(classes), 0.5),
                "weights": np.sqrt(np.maximum(len(sets) - positive, 1.0) / positive),
            },
        )

    def strata(self, targets: Sequence[Any]) -> Sequence[Hashable]:
        """The set of labels."""
        return [frozenset(labels_of(target)) for target in targets]

    def describe(self, state: State) -> str:
        """The number of labels, the first of them, and how many a row has."""
        values = state.values
        listed = ", ".join(values["classes"][:8]) + (" …" if len(values["classes"]) > 8 else "")
        mean = sum(values["counts"]) / values["rows"]
        none = f", {values['unlabeled']} rows without any" if values["unlabeled"] else ""
        return f"{len(values['classes'])} labels: {listed}; {mean:.2f} per row{none}"

    def classes(self, state: State) -> Mapping[str, int]:
        """The sorted labels."""
        return dict(zip(state.values["classes"], state.values["counts"], strict=True))

    def head(self, widths: Mapping[str, int], state: State, recipe: Recipe) -> nn.Module:
        """A linear layer with a score per label."""
        from autosft.contracts.tensors import LinearHead

        return LinearHead(widths["pooled"], len(state.values["classes"]), recipe.regular.dropout)

    def encode(self, targets: Sequence[Any], state: State) -> Tensor:
        """One for each label that a row has, else zero, shape (rows, labels); unknown labels are left out."""
        import torch

        return torch.from_numpy(self._known(targets, state).astype(np.float32))

    def loss(self, out: Tensor, targets: Tensor, state: State, recipe: Recipe) -> Tensor:
        """The chosen loss, summed over labels; label smoothing moves each towards one half."""
        smoothing = recipe.regular.label_smoothing
        smooth = targets * (1 - smoothing) + smoothing / 2
        return self._loss(recipe, state, out).loss(out, smooth)

    def outputs(self, out: Tensor, batch: Batch, state: State, recipe: Recipe, model: Model) -> Outputs:
        """What the scores mean under the loss that they were trained with."""
        tensors = self.tensors(out, state, recipe)
        return Outputs({name: tensor.cpu().numpy() for name, tensor in tensors.items()})

    def tensors(self, out: Tensor, state: State, recipe: Recipe) -> Mapping[str, Tensor]:
        """The probabilities."""
        return {"probabilities": self._loss(recipe, state, out).probabilities(out.float())}

    def pseudo_labels(
        self, outputs: Outputs, state: State
    ) -> tuple[Sequence[tuple[str, ...]], npt.NDArray[np.float64]]:
        """The labels that are more probable than not, and how probable the answer is to the least sure of all."""
        classes, probabilities = state.values["classes"], outputs.arrays["probabilities"]
        labels = [tuple(classes[number] for number in np.flatnonzero(row)) for row in probabilities > 0.5]
        return labels, np.maximum(probabilities, 1 - probabilities).min(1).astype(np.float64)

    def distillation_loss(
        self, out: Tensor, answers: Mapping[str, Tensor], state: State, recipe: Recipe, temperature: float
    ) -> Tensor:
        """That of a classification for each label, summed over labels."""
        from autosft.training.distillation import binary_divergence

        own = self.tensors(out, state, recipe)["probabilities"]
        return binary_divergence(answers["probabilities"], own, temperature).sum(1)

    def validation_loss(self, outputs: Outputs, targets: Sequence[Any], state: State) -> npt.NDArray[np.float64]:
        """Binary cross-entropy, summed over the labels that have training rows."""
        truth, probabilities = self._known(targets, state), outputs.arrays["probabilities"]
        return log_losses(np.where(truth, probabilities, 1 - probabilities)).sum(1)

    def tune(self, metric: str, outputs: Outputs, targets: Sequence[Any], state: State) -> State:
        """A threshold per label, and whether the most probable one is always given; see `training.thresholds`."""
        rule = choose_rule(
            self.metric(metric), self._known(targets, state), outputs.arrays["probabilities"], _rule(state)
        )
        return State({**state.values, "top": rule.top}, {**state.arrays, "thresholds": rule.thresholds})

    def decide(self, outputs: Outputs, state: State) -> Sequence[list[str]]:
        """The labels of each row, sorted."""
        classes = state.values["classes"]
        predicted = _rule(state).predicted(outputs.arrays["probabilities"])
        return [[classes[number] for number in np.flatnonzero(row)] for row in predicted]

    def compared(self, outputs: Outputs, targets: Sequence[Any], state: State) -> Mapping[str, Any]:
        """`truth`, `answered` and `probabilities` of each label, all (rows, labels). A label without training rows
        has a column too if it is in the targets; it is never given, and so is always wrong."""
        probabilities = outputs.arrays["probabilities"]
        truth, answered = _indicators(targets, state.values["classes"]), _rule(state).predicted(probabilities)
        if unknown := truth.shape[1] - answered.shape[1]:
            more = ((0, 0), (0, unknown))
            answered, probabilities = np.pad(answered, more), np.pad(probabilities, more)
        return {"truth": truth, "answered": answered, "probabilities": probabilities}

    def _known(self, targets: Sequence[Any], state: State) -> npt.NDArray[np.bool_]:
        return _indicators(targets, state.values["classes"])[:, : len(state.values["classes"])]

    def _loss(self, recipe: Recipe, state: State, out: Tensor) -> LabelLoss:
        import torch

        from autosft.training.label_losses import label_loss

        weights = torch.as_tensor(state.arrays["weights"], dtype=torch.float32, device=out.device)
        return label_loss(str(recipe.of(self.name).get("loss", LOSSES[0])), weights)


def labels_of(target: Any) -> tuple[str, ...]:
    """A target's labels; a single text is one label.

    Raises:
        BadInput: It is neither.
    """
    if isinstance(target, tuple):
        return tuple(map(str, target))
    if isinstance(target, str):
        return (target,)
    raise BadInput(f"{target!r} is no set of labels; several labels per row are given as a tuple of texts.")


def _indicators(targets: Sequence[Any], classes: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether a row has a label, shape (rows, labels): the classes first, then what the targets have beside them."""
    sets = [labels_of(target) for target in targets]
    numbers = {label: number for number, label in enumerate(classes)}
    columns = [numbers.setdefault(label, len(numbers)) for labels in sets for label in labels]
    table = np.zeros((len(sets), len(numbers)), dtype=bool)
    table[np.repeat(np.arange(len(sets)), [len(labels) for labels in sets]), columns] = True
    return table


def _rule(state: State) -> LabelRule:
    return LabelRule(state.arrays["thresholds"], state.values["top"])

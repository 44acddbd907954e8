"""`Classification`: one label per row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.space import Choice, Space
from autosft.contracts.state import State
from autosft.errors import BadInput
from autosft.training.log_loss import log_losses
from autosft.training.metrics import CLASSIFICATION
from autosft.training.priors import choose_scale

if TYPE_CHECKING:
    from torch import Tensor, nn

    from autosft.contracts.tensors import Batch, Model


LOSSES = ("cross_entropy", "focal")
"""See `training.class_losses`."""


@final
class Classification(Problem):
    """One of two or more labels per row; a target is a text. Outputs hold `"probabilities"` (rows, classes)."""

    name = "classification"
    needs = frozenset({"pooled"})
    metrics = CLASSIFICATION
    space: ClassVar[Space] = {"loss": Choice(LOSSES, doc="loss of a row")}
    averages_targets = True

    def ignores_for(self, metric: str) -> frozenset[str]:
        """Balance, where every row counts as much as any other."""
        return self.ignores if self.metric(metric).every_class_counts else self.ignores | {"regular.balance"}

    def fit(self, targets: Sequence[Any]) -> State:
        """The class names in order, and how many rows each has."""
        counts = Counter(map(str, targets))
        if len(counts) < 2:
            only = f" ({next(iter(counts))!r})" if counts else ""
            raise BadInput(f"Only one class{only} has training rows; classification needs two or more.")
        classes = _in_order(counts)
        values = {"classes": classes, "counts": [counts[name] for name in classes]}
        return State(values, {"scale": np.ones(len(classes))})

    def strata(self, targets: Sequence[Any]) -> Sequence[Hashable]:
        """The label itself."""
        return [str(target) for target in targets]

    def sampling_weights(self, targets: Sequence[Any], state: State) -> npt.NDArray[np.float64]:
        """The weight of the label."""
        from autosft.training.class_losses import class_weights

        return class_weights(state.values["counts"]).numpy()[self._numbers(targets, state)]

    def describe(self, state: State) -> str:
        """The number of classes, and the first of them."""
        classes = state.values["classes"]
        listed = ", ".join(classes[:8]) + (" …" if len(classes) > 8 else "")
        return f"{len(classes)} classes: {listed}"

    def classes(self, state: State) -> Mapping[str, int]:
        """The names in order."""
        return dict(zip(state.values["classes"], state.values["counts"], strict=True))

    def head(self, widths: Mapping[str, int], state: State, recipe: Recipe) -> nn.Module:
        """A linear layer with a logit per class."""
        from autosft.contracts.tensors import LinearHead

        return LinearHead(widths["pooled"], len(state.values["classes"]), recipe.regular.dropout)

    def encode(self, targets: Sequence[Any], state: State) -> Tensor:
        """Class numbers, shape (rows,); -1 for a label without training rows."""
        import torch

        return torch.from_numpy(self._numbers(targets, state))

    def loss(self, out: Tensor, targets: Tensor, state: State, recipe: Recipe) -> Tensor:
        """The chosen loss with label smoothing, maybe weighted by class; zero where the label is unknown."""
        from autosft.training.class_losses import class_losses, class_weights

        smoothing, labels = recipe.regular.label_smoothing, targets.clamp_min(0)
        each = class_losses(self._loss(recipe), out)
        losses = (1 - smoothing) * each.gather(1, labels[:, None])[:, 0] + smoothing * each.mean(1)
        if recipe.regular.balance == "loss":
            losses = losses * class_weights(state.values["counts"]).to(losses)[labels]
        return losses.where(targets >= 0, 0.0)

    def is_logistic(self, recipe: Recipe) -> bool:
        """With the plain cross-entropy."""
        regular = recipe.regular
        return self._loss(recipe) == LOSSES[0] and not regular.label_smoothing and regular.balance != "loss"

    def outputs(self, out: Tensor, batch: Batch, state: State, recipe: Recipe, model: Model) -> Outputs:
        """What the scores mean under the loss, and the weights of classes, that they were trained with."""
        tensors = self.tensors(out, state, recipe)
        return Outputs({name: tensor.cpu().numpy() for name, tensor in tensors.items()})

    def tensors(self, out: Tensor, state: State, recipe: Recipe) -> Mapping[str, Tensor]:
        """The probabilities."""
        from autosft.training.class_losses import class_probabilities

        weights = self._weights(state, recipe).to(out.device)
        return {"probabilities": class_probabilities(self._loss(recipe), out.float(), weights)}

    def pseudo_labels(self, outputs: Outputs, state: State) -> tuple[Sequence[str], npt.NDArray[np.float64]]:
        """The most probable class and its probability."""
        classes, probabilities = state.values["classes"], outputs.arrays["probabilities"]
        return [classes[number] for number in probabilities.argmax(1)], probabilities.max(1).astype(np.float64)

    def distillation_loss(
        self, out: Tensor, answers: Mapping[str, Tensor], state: State, recipe: Recipe, temperature: float
    ) -> Tensor:
        """The divergence of the probabilities (Kullback and Leibler, 1951), both softened by the temperature, times its
        square, so that gradients stay as large (Hinton et al., 2015)."""
        from autosft.training.class_losses import class_logs
        from autosft.training.distillation import divergence

        own = class_logs(self._loss(recipe), out.float(), self._weights(state, recipe).to(out.device))
        return divergence(answers["probabilities"], own, temperature)

    def validation_loss(self, outputs: Outputs, targets: Sequence[Any], state: State) -> npt.NDArray[np.float64]:
        """The negative logarithm of the probability of the label; that of a label without training rows is least."""
        numbers, probabilities = self._numbers(targets, state), outputs.arrays["probabilities"]
        return log_losses(np.where(numbers < 0, 0.0, probabilities[np.arange(len(numbers)), numbers]))

    def tune(self, metric: str, outputs: Outputs, targets: Sequence[Any], state: State) -> State:
        """How far rare classes are preferred, where the score is one of classes that all count the same."""
        asked = self.metric(metric)
        if not asked.every_class_counts or not asked.decided:
            return state
        compared = self.compared(outputs, targets, state)

        def score(scaled: npt.NDArray[np.floating[Any]]) -> float:
            return asked.score({**compared, "answered": scaled.argmax(1)})

        scale = choose_scale(score, outputs.arrays["probabilities"], state.values["counts"])
        return State(state.values, {**state.arrays, "scale": scale})

    def decide(self, outputs: Outputs, state: State) -> Sequence[str]:
        """The most probable class, or the one that is right for the score; see `tune`."""
        classes = state.values["classes"]
        return [classes[number] for number in (outputs.arrays["probabilities"] * state.arrays["scale"]).argmax(1)]

    def compared(self, outputs: Outputs, targets: Sequence[Any], state: State) -> Mapping[str, Any]:
        """`truth` and `answered`, class numbers (rows,), -1 for a label without training rows, and `probabilities`."""
        probabilities = outputs.arrays["probabilities"]
        answered = (probabilities * state.arrays["scale"]).argmax(1)
        return {"truth": self._numbers(targets, state), "answered": answered, "probabilities": probabilities}

    def _numbers(self, targets: Sequence[Any], state: State) -> npt.NDArray[np.int64]:
        numbers = {name: number for number, name in enumerate(state.values["classes"])}
        return np.array([numbers.get(str(target), -1) for target in targets], dtype=np.int64)

    def _weights(self, state: State, recipe: Recipe) -> Tensor:
        """What training in balance makes of each class, shape (classes,)."""
        import torch

        from autosft.training.class_losses import class_weights

        counts = state.values["counts"]
        return torch.ones(len(counts)) if recipe.regular.balance == "none" else class_weights(counts).float()

    def _loss(self, recipe: Recipe) -> str:
        return str(recipe.of(self.name).get("loss", LOSSES[0]))


def _in_order(names: Iterable[str]) -> list[str]:
    """As numbers where all are, else as texts: scores of ordered classes go by it."""
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)

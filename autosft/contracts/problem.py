"""`Problem`: what is asked of a model, from the targets as written to the score. `Outputs`: its answers in numbers.

One pipeline, outputs → combine → decide, so that ensembles, thresholds and probabilities have a home. A problem
knows neither modality nor backbone; it says in `needs` which of an encoder's outputs its head reads. Where a task has
several targets, some rows may lack one: its problem sees only rows that have it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from autosft.contracts.metric import Metric, by_name
from autosft.contracts.modality import Meta
from autosft.contracts.recipe import Recipe
from autosft.contracts.space import Space
from autosft.contracts.state import State
from autosft.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from torch import Tensor, nn

    from autosft.contracts.tensors import Batch, Model


@dataclass(frozen=True)
class Outputs:
    """One problem's answers for some rows, in their order.

    Attributes:
        arrays: Numeric arrays whose first axis is the rows. Two names mean the same everywhere: `"probabilities"`
            (rows, classes) has a column for each of `Problem.classes`, if there are any, and `"values"` (rows,
            numbers) holds numbers in the unit of the targets. A problem may give others.
        items: Plain JSON, one entry per row, where answers differ in length: sequences, boxes.
    """

    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict[str, npt.NDArray[Any]])
    items: tuple[Any, ...] = ()

    @classmethod
    def concat(cls, parts: Sequence[Outputs]) -> Outputs:
        """One after the other, as batches come."""
        if not parts:
            return cls()
        return cls(
            arrays={name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays},
            items=tuple(item for part in parts for item in part.items),
        )

    def take(self, indices: npt.NDArray[np.integer[Any]]) -> Outputs:
        """The answers at these positions; a position may come more than once."""
        positions: list[int] = indices.tolist()
        return Outputs(
            arrays={name: array[indices] for name, array in self.arrays.items()},
            items=tuple(self.items[index] for index in positions) if self.items else (),
        )


class Problem(ABC):
    """One kind of question.

    Attributes:
        name: Unique among problems, such as `"classification"`.
        needs: The encoder outputs that its head reads; a backbone fits if it gives them all. A problem that needs
            just `"pooled"` has a `LinearHead`, and can so be fitted on frozen features, unless it has a `wrap`.
        metrics: Its scores by name; the first is the default. Higher is always better. Plugins may add to them.
        space: Parameters of its own, such as a choice of losses, found in the recipe under its name; each target that
            it is asked of has its own values.
        loss_per_row: Whether `loss` is one of each row. Else it is the sum over what `normalizer` counts, such as
            boxes; then rows have no weights, and are not mixed.
        ignores: The shared recipe fields that mean nothing to it; the search samples none that all problems of a task
            ignore.
        averages_targets: Whether the mean of targets, as `encode` gives them, is a raw output of its head but for a
            positive scale and a shift: `encode` gives class numbers (rows,), -1 for none, of as many classes as the
            head has outputs; or numbers (rows, outputs). Strategies that let rows vote, such as nearest neighbors,
            take no others.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    metrics: Mapping[str, Metric]
    space: ClassVar[Space] = {}
    loss_per_row: ClassVar[bool] = True
    ignores: ClassVar[frozenset[str]] = frozenset()
    averages_targets: ClassVar[bool] = False

    def ignores_for(self, metric: str) -> frozenset[str]:
        """The shared recipe fields that mean nothing where this score is maximized; `ignores` by default."""
        return self.ignores

    @abstractmethod
    def fit(self, targets: Sequence[Any]) -> State:
        """Learn from training targets: class names and counts, a scale, a codec.

        Raises:
            BadInput: The targets do not make this problem, such as a single class.
        """

    def strata(self, targets: Sequence[Any]) -> Sequence[Hashable] | None:
        """For each row the stratum that a split should keep in proportion; None if there is none.

        A text is a label, and the user is told where one has few rows; anything else has no name, such as the number of
        a bin. A frozenset, which may be empty, says that a row is in several strata at once.

        Raises:
            BadInput: A target is not of this problem.
        """
        return None

    def sampling_weights(self, targets: Sequence[Any], state: State) -> npt.NDArray[np.float64] | None:
        """How often each row is to be drawn, relative to the others, where training asks for `"sampling"` that is
        balanced, shape (rows,); None if all alike. `outputs` undoes what this adds to the probabilities."""
        return None

    def describe(self, state: State) -> str:
        """What was learned from the targets, in a few words for the user, such as `"5 classes"`."""
        return ""

    def classes(self, state: State) -> Mapping[str, int]:
        """The classes or labels that answers are chosen from, each with its number of training rows, in the order of
        the columns of `"probabilities"`, which a problem with classes gives; empty, as by default, if there are none.

        Reports, model cards, tables of predictions, exports and services name them by this, and `decide` answers with
        one of them, or with a list of some.
        """
        return {}

    @abstractmethod
    def head(self, widths: Mapping[str, int], state: State, recipe: Recipe) -> nn.Module:
        """A module from the encoder's mapping of outputs, and the targets as `encode` gave them, to this problem's raw
        output. Decoders are taught by the targets; where rows are to be answered there are none, but None."""

    def wrap(self, target: Any, sample: Any, meta: Meta) -> Any:
        """A target as written, in terms of the decoded sample, and in a form that views can change together with it,
        such as torchvision's `BoundingBoxes` for pictures; by default as it is. Like `encode`, it is called by several
        threads at a time.

        A problem that does so maps its answers back in `outputs`, by `Batch.meta`. Encoded rows do not know how they
        were seen, so it is never answered from the cache of them, nor fitted on frozen features.

        Args:
            target: As written.
            sample: What `Modality.read` gave of the row.
            meta: What it said beside, such as the size of a picture before it was reduced.
        """
        return target

    @abstractmethod
    def encode(self, targets: Sequence[Any], state: State) -> Any:
        """Targets, as `wrap` and a view have left them, as `loss` wants them: a tensor, or a list where rows differ in
        length."""

    @abstractmethod
    def loss(self, out: Any, targets: Any, state: State, recipe: Recipe) -> Tensor:
        """The loss of each row, shape (rows,), or without `loss_per_row` the sum of all, shape (). `out` is what the
        head gave, `targets` what `encode` gave."""

    def normalizer(self, targets: Any) -> float:
        """What the loss of a whole batch is divided by if it is not `loss_per_row`, from what `encode` gave of all of
        its rows, on the CPU: the number of boxes or symbols, and 1 at least. Where a batch is done in parts, their
        losses are divided by that of the whole, so that they add up to it."""
        raise NotImplementedError(f"{self.name!r} has one loss for a whole batch, and does not say what it counts")

    def is_logistic(self, recipe: Recipe) -> bool:
        """Whether `loss` under this recipe is the log loss over classes, of scores (rows, classes) and class numbers
        (rows,): a linear head is then logistic regression, which libraries solve. No by default."""
        return False

    @abstractmethod
    def outputs(self, out: Any, batch: Batch, state: State, recipe: Recipe, model: Model) -> Outputs:
        """Answers for a batch without targets, from the head's raw output, in terms of the targets as written:
        `Batch.meta` says how each row was seen. A problem that generates may call the model again."""

    def tensors(self, out: Any, state: State, recipe: Recipe) -> Mapping[str, Tensor]:
        """The arrays of `outputs` as tensors, by operations on tensors alone, so that an export can trace them.

        Raises:
            BadInput: The answers are no arrays, or need more than that; by default.
        """
        raise BadInput(f"answers of {self.name!r} cannot be computed in a graph")

    def offers(self, method: str) -> bool:
        """Whether it has a method of its own where there need be none, such as `"pseudo_labels"`: for strategies, which
        ask for no problem by name."""
        return getattr(type(self), method) is not getattr(Problem, method)

    def pseudo_labels(self, outputs: Outputs, state: State) -> tuple[Sequence[Any], npt.NDArray[np.float64]]:
        """Answers in the place of targets, as written, so that rows without any can be learned from (Lee, 2013); and
        how sure of each they are, from 0 to 1, shape (rows,).

        Raises:
            BadInput: There are none of such answers; by default.
        """
        raise BadInput(f"answers of {self.name!r} cannot stand in the place of targets")

    def distillation_loss(
        self, out: Any, answers: Mapping[str, Tensor], state: State, recipe: Recipe, temperature: float
    ) -> Tensor:
        """How far what the head gave is from what a teacher answers, shape (rows,): least where both say the same
        (Hinton et al., 2015).

        Args:
            out: What the head gave.
            answers: The arrays of the teacher's `Outputs` for the same rows, on the device.
            state: What was learned from the targets.
            recipe: What the student is trained with.
            temperature: Above 1 it counts more what the teacher thinks of answers that it does not give.

        Raises:
            BadInput: Such answers teach nobody; by default.
        """
        raise BadInput(f"answers of {self.name!r} cannot be distilled")

    def validation_loss(self, outputs: Outputs, targets: Sequence[Any], state: State) -> npt.NDArray[np.float64] | None:
        """How far each answer is from the truth, shape (rows,), by a proper scoring rule (Gneiting and Raftery, 2007)
        where answers are probabilities; finite if they are.

        Unlike `loss` it is the same whatever a model was trained with: validation losses are means of it, which break
        ties of scores, and by which weights are averaged. None, as by default, where answers are not right or wrong row
        by row, such as translations or generated samples: then the score alone says which epoch and which trial is
        best, and no weights of several trials are averaged.
        """
        return None

    def combine(self, many: Sequence[Outputs], weights: Sequence[float]) -> Outputs:
        """The answers of an ensemble: the weighted mean of every array. Weights add up to 1.

        Raises:
            BadInput: An ensemble of such answers has no meaning, as of items unless a problem says how.
        """
        first = many[0]
        if first.items and len(many) > 1:
            raise BadInput(f"Answers of {self.name!r} differ in length and have no mean; bundle a single model.")
        mean = {
            name: sum(weight * outputs.arrays[name] for weight, outputs in zip(weights, many, strict=True))
            for name in first.arrays
        }
        return Outputs({name: np.asarray(array) for name, array in mean.items()}, first.items)

    def tune(self, metric: str, outputs: Outputs, targets: Sequence[Any], state: State) -> State:
        """Choose on validation rows what `decide` needs, such as thresholds; what is right depends on the metric."""
        return state

    @abstractmethod
    def decide(self, outputs: Outputs, state: State) -> Sequence[Any]:
        """The answer for each row as plain JSON, in the words of the targets."""

    def compared(self, outputs: Outputs, targets: Sequence[Any], state: State) -> Mapping[str, Any]:
        """What its metrics are computed from, under the names by which their functions ask for it: arrays or sequences
        with an entry per row. By default `truth`, the targets as written, and `answered`, what `decide` makes of the
        outputs."""
        return {"truth": targets, "answered": self.decide(outputs, state)}

    def score(self, metric: str, outputs: Outputs, targets: Sequence[Any], state: State) -> float:
        """One of `metrics`, higher is better; `targets` are as written, in the order of the outputs.

        Raises:
            UnknownName: It has no such metric.
        """
        return self.metric(metric).score(self.compared(outputs, targets, state))

    def metric(self, name: str) -> Metric:
        """The metric of this name, or the default one if the name is empty.

        Raises:
            UnknownName: It has no such metric.
        """
        if not name:
            return next(iter(self.metrics.values()))
        if name not in self.metrics:
            raise UnknownName("metric", name, self.metrics, "`autosft metrics` says what each is.")
        return self.metrics[name]

    def with_metrics(self, more: Iterable[Metric]) -> Self:
        """The same problem with further metrics."""
        other = copy(self)
        other.metrics = {**self.metrics, **by_name(*more)}
        return other

"""`Strategy`: how one recipe trains a model, told as stages. `Job` is what it is given, `Stage` what it gives back.

There is one training loop, and no strategy contains one. A strategy solves something at once in `fit`, yields stages,
which the loop trains in order, or does both.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, WeightFile
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import Row, Rows
from autosft.contracts.space import Space
from autosft.contracts.state import State
from autosft.contracts.task import Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import Tensor, nn

    from autosft.contracts.tensors import Batch, Model


@dataclass(frozen=True)
class States:
    """What the parts learned from the training rows; the problems' states in the order of the task's problems."""

    modality: State = field(default_factory=State)
    backbone: State = field(default_factory=State)
    problems: tuple[State, ...] = ()


@dataclass(frozen=True)
class Job:
    """One trial, as a strategy and the loop see it. There are no test rows in it.

    Attributes:
        task: What to solve.
        recipe: What was decided.
        train: The rows to train on.
        valid: The rows to validate on; empty when a chosen recipe is trained again on all rows.
        unlabeled: Rows without targets.
        modality, family, info, weights, problems: The parts that the recipe names.
        states: What they learned from the training rows.
        metric: The score to maximize.
        read: Decode a row, maybe from a cache.
        device: Where to train.
        folder: Where the trial keeps its files.
        seconds_left: How long the trial may still take.
        micro_batch: The most rows that fit the device at once; 0 means a whole batch.
        precision: What products of matrices and convolutions are computed in while training: single precision, or mixed
            with bfloat16 (Kalamkar et al., 2019). Weights, losses and validation are in single precision.
        compile: Whether the encoder is compiled by torch.
        pause_after: After how many validated epochs, over all stages, the trial pauses; None means never.
        replay: For each stage, after how many epochs to stop, without validation; None in an ordinary trial.
        early_stopping: Whether validation rows say after which epoch a stage ends and which weights are kept. Without
            it each stage runs to its end and keeps its last weights: a handful of rows would choose by chance, and
            could not judge what they chose.
        features: Encoded rows that outlive the trial, by backbone and view.
        store: Encoded rows that outlive the search; None if there is no such place.
    """

    task: Task
    recipe: Recipe
    train: Rows
    valid: Rows
    unlabeled: Rows
    modality: Modality
    family: BackboneFamily
    info: BackboneInfo
    weights: WeightFile | None
    problems: tuple[Problem, ...]
    states: States
    metric: str
    read: Callable[[Row], Any]
    device: torch.device
    folder: Path
    seconds_left: Callable[[], float]
    micro_batch: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    pause_after: int | None = None
    replay: Mapping[str, int] | None = None
    early_stopping: bool = True
    features: dict[Any, Any] = field(default_factory=dict[Any, Any])
    store: Store | None = None

    @property
    def pretrained(self) -> bool:
        """Whether the encoder starts from weights that were learned: those it comes with, or those the recipe names."""
        return self.info.origin == "pretrained" or bool(self.recipe.start)


class Store(Protocol):
    """Encoded rows by encoder and by the digest of their content."""

    def load(self, encoder: str, wanted: Container[str]) -> tuple[dict[str, npt.NDArray[np.float32]], float]:
        """The wanted rows that are there, and the seconds that a row took."""
        ...

    def add(self, encoder: str, digests: Sequence[str], features: npt.NDArray[np.float32], seconds: float) -> None:
        """Keep rows."""
        ...


class Sized(Protocol):
    """Batches that can be gone through once per epoch, and counted."""

    def __iter__(self) -> Iterator[Batch]: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Stage:
    """What the loop trains next.

    Attributes:
        name: Unique within the strategy.
        model: What is trained; in training mode during the epochs.
        batches: Gone through once per epoch; draws from torch's global generator alone.
        loss: From a batch to a scalar.
        parameters: Parameter groups as torch's optimizers take them, each with its own peak `lr` and `weight_decay`.
        epochs: The length of the schedule.
        valid: Rows to validate on after each epoch; None where there is nothing to validate, as in pretraining.
        after_step: Called after each optimizer step, such as to move an EMA teacher.
        evaluated: What is validated and kept instead of `model`, such as an EMA teacher of the same shape. Without it
            that is an average of the weights where the recipe asks for one.
        keeps: More modules whose state a checkpoint must hold; parameters outside `model` belong here.
    """

    name: str
    model: nn.Module
    batches: Sized
    loss: Callable[[Batch], Tensor]
    parameters: Sequence[Mapping[str, Any]]
    epochs: int
    valid: Rows | None = None
    after_step: Callable[[], None] | None = None
    evaluated: nn.Module | None = None
    keeps: Mapping[str, nn.Module] = field(default_factory=dict[str, "nn.Module"])


class Strategy(ABC):
    """A way to train.

    Attributes:
        name: Unique among strategies, such as `"full"`.
        space: Parameters of its own by plain name; a dotted name such as `"optim.lr"` gives a shared field another
            range for this strategy.
        uses: The shared recipe fields that mean anything to it; the search samples no others.
        prior: How well it is expected to do, from 0 to 1; orders the first trials.
        cheap: Whether the encoder stays as it was loaded, so that encoded rows are cached and the search may try it
            on every backbone.
        trains: The least share of the encoder's weights that it trains, unless it is cheap: what that takes of memory.
    """

    name: ClassVar[str]
    space: ClassVar[Space] = {}
    uses: ClassVar[frozenset[str]] = frozenset()
    prior: ClassVar[float] = 0.5
    cheap: ClassVar[bool] = False
    trains: ClassVar[float] = 1.0

    def accepts(self, task: Task, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """An empty text if it can train this backbone on this task, or why not."""
        return ""

    def stages(self, job: Job, model: Model) -> Iterable[Stage]:
        """The stages to train, in order. Code between two of them runs again on resume: cheap and repeatable."""
        return ()

    def fit(self, job: Job, model: Model) -> None:
        """Change the model in one go, without the loop. Called before the stages, if there are any, and again on
        resume: then it only needs to be repeatable, because a stage's checkpoint replaces what it gave."""
        return None

    def finish(self, job: Job, model: Model) -> None:
        """Turn the trained model into an ordinary one, such as by merging adapters."""
        return None

    def restore(self, model: Model, tensors: Mapping[str, Tensor]) -> None:
        """Put saved weights into a freshly built model. A strategy whose `fit` or `finish` replaces modules puts
        them in place first."""
        model.load_state_dict(tensors)

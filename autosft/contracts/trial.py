"""`Trial`: what is trained, on which rows. `Parts`: what prediction needs of it too. `Runtime`: where it is computed,
by how many `Loaders` rows are read meanwhile, and in what `EvalBatch` they are answered.

A trained model is its parts and its weights. Rows belong to a trial, and devices, clocks and caches to the process.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, WeightFile
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import Row, Rows
from autosft.contracts.state import State
from autosft.contracts.task import Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from autosft.contracts.tensors import Model


@dataclass(frozen=True)
class States:
    """What the parts learned from the training rows; the problems' states in the order of the task's targets."""

    modality: State = field(default_factory=State)
    backbone: State = field(default_factory=State)
    problems: tuple[State, ...] = ()


@dataclass(frozen=True)
class Parts:
    """Who reads, encodes and answers, and how: all that building a model and predicting with it need.

    Attributes:
        task: What to solve.
        recipe: What was decided.
        modality: Reads the rows, as the task names it.
        family: Builds the encoder, as the recipe names it.
        info: Describes the encoder.
        problems: The problem of each of the task's targets, in their order; it may be the same one.
        weights: What the encoder starts from; None where it starts from scratch, or has saved weights put into it.
        states: What the parts learned from the training rows.
    """

    task: Task
    recipe: Recipe
    modality: Modality
    family: BackboneFamily
    info: BackboneInfo
    problems: tuple[Problem, ...]
    weights: WeightFile | None
    states: States

    @cached_property
    def recipes(self) -> tuple[Recipe, ...]:
        """For each target the recipe as its problem is given it: with the target's values of its own parameters."""
        pairs = zip(self.task.targets, self.task.owners, strict=True)
        return tuple(
            self.recipe
            if owner == target.problem
            else self.recipe.changed(own={**self.recipe.own, target.problem: self.recipe.of(owner)})
            for target, owner in pairs
        )

    @property
    def pretrained(self) -> bool:
        """Whether the encoder starts from weights that were learned: those it comes with, or those the recipe names."""
        return self.info.origin == "pretrained" or bool(self.recipe.start)


@dataclass(frozen=True)
class TeacherModel:
    """A model of an earlier trial that a trial is given, to teach it or for its encoder; `training.teacher` says how to
    ask it.

    Attributes:
        trial: The number of the trial that it is of.
        weight: Its fraction in what they answer together; weights add up to 1.
        load: Its parts and itself, on the device.
        frozen: Whether its encoder is as it was loaded, so that encoded rows may come from the cache.
    """

    trial: int
    weight: float
    load: Callable[[], tuple[Parts, Model]]
    frozen: bool = False


@dataclass(frozen=True)
class Trial:
    """One trial, as a strategy and the loop see it. There are no test rows in it.

    Attributes:
        parts: Who takes part.
        folder: Where it keeps its files.
        train: The rows to train on.
        valid: The rows to validate on; empty when a chosen recipe is trained again on all rows.
        unlabeled: Rows without targets.
        start: The file with the weights of the encoder that it starts from; None means the pretrained ones.
        teacher: The models of earlier trials that it is given, as `Recipe.teacher` names them.
        pause_after: After how many validated epochs, over all stages, it pauses; None means never.
        replay: For each stage, after how many epochs to stop, without validation; None in an ordinary trial.
        early_stopping: Whether validation rows say after which epoch a stage ends and which weights are kept. Without
            it each stage runs to its end and keeps its last weights: a handful of rows would choose by chance, and
            could not judge what they chose.
    """

    parts: Parts
    folder: Path
    train: Rows
    valid: Rows
    unlabeled: Rows
    start: Path | None = None
    teacher: tuple[TeacherModel, ...] = ()
    pause_after: int | None = None
    replay: Mapping[str, int] | None = None
    early_stopping: bool = True

    def with_recipe(self, **fields: Any) -> Trial:
        """The same trial with some fields of its recipe replaced and checked."""
        return replace(self, parts=replace(self.parts, recipe=self.parts.recipe.changed(**fields)))


@dataclass(frozen=True)
class Loaders:
    """Who reads and views rows while the model computes. Batches are the same, bit for bit, whoever does.

    Attributes:
        count: How many do so at the same time; 0 means that whoever asks for a batch loads it, when it is asked for.
        kind: `"threads"` of this process; `"processes"`; or `"auto"`: threads, and processes in their place where an
            epoch has shown that the model waits long for threads, and another one that it waits less for processes.
    """

    count: int = 0
    kind: Literal["threads", "processes", "auto"] = "threads"


@dataclass
class EvalBatch:
    """How many rows are answered at once, where nothing is learned from them. Another number gives other last bits, so
    a trial keeps it in its checkpoints.

    Attributes:
        rows: At most so many; halved where memory runs out.
    """

    rows: int = 32


@dataclass(frozen=True)
class Runtime:
    """Where and how a process computes, and for how long. But for the time, a trial depends on it by rounding alone.

    Attributes:
        read: Decode a row, maybe from a cache.
        device: Where to compute.
        seconds_left: How long it may still take.
        loaders: Who reads and views rows.
        micro_batch: The most rows to learn from that fit the device at once; 0 means a whole batch. See
            `Stage.divisible`.
        eval_batch: How many rows are answered at once, as far as is known by now.
        precision: What products of matrices and convolutions are computed in while training: single precision, its
            numbers cut to those of TensorFloat-32, or mixed with bfloat16 (Kalamkar et al., 2019). Weights, losses and
            validation are in single precision.
        compile: Whether the encoder is compiled by torch.
        world: How many processes train the trial together, each its part of every step.
        rank: Which of them this is; the first, 0, keeps what comes of it.
        features: Encoded rows that outlive the trial, by backbone and view.
        scratch: A folder with room for what this process alone needs; None means where the system has its own.
        store: Encoded rows that outlive the search; None if there is no such place.
    """

    read: Callable[[Row], Any]
    device: torch.device
    seconds_left: Callable[[], float] = lambda: float("inf")
    loaders: Loaders = Loaders()
    micro_batch: int = 0
    eval_batch: EvalBatch = field(default_factory=EvalBatch)
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    compile: bool = False
    world: int = 1
    rank: int = 0
    features: dict[Any, Any] = field(default_factory=dict[Any, Any])
    scratch: Path | None = None
    store: Store | None = None


class Store(Protocol):
    """Encoded rows by encoder and by the digest of their content."""

    def load(self, encoder: str, wanted: Container[str]) -> tuple[dict[str, npt.NDArray[np.float32]], float]:
        """The wanted rows that are there, and the seconds that a row took."""
        ...

    def add(self, encoder: str, digests: Sequence[str], features: npt.NDArray[np.float32], seconds: float) -> None:
        """Keep rows."""
        ...

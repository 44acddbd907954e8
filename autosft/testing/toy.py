"""A whole tiny plugin: points, perceptrons, and one way to train them. Read it before you write your own.

It offers a modality, a family of backbones and a strategy, and imports torch only where a part starts to work.
What its data looks like is said in `points`.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from autosft.api import (
    BackboneFamily,
    BackboneInfo,
    BadWeights,
    Choice,
    Example,
    Float,
    Hints,
    InferredTask,
    Inputs,
    Int,
    Mix,
    Modality,
    Problem,
    Recipe,
    Row,
    Rows,
    Runtime,
    Scan,
    Space,
    Stage,
    State,
    Strategy,
    Strength,
    Task,
    TaskTarget,
    Trial,
    Unreadable,
    View,
    WeightFile,
    hookimpl,
)
from autosft.host.hookspecs import GROUP
from autosft.host.registry import Registry
from autosft.testing.points import SUFFIX, TARGETS, load_points, points_of, reason_of, sorted_out, target_of
from autosft.testing.points import make_points as make_points  # offered from here too

if TYPE_CHECKING:
    from torch import Tensor

    from autosft.api.tensors import Encoder, Model

_NOISE = {"none": 0.0, "light": 1.0, "strong": 3.0}


@final
class ToyModality(Modality):
    """Points: rows of numbers, all of one length."""

    name = "points"
    kinds = frozenset({"points"})
    augmentation: ClassVar[Space] = {
        "noise": Float(0.01, 0.5, default=0.1, log=True, doc="deviation of the added noise")
    }

    def mixes(self, inputs: Inputs) -> frozenset[Mix]:
        """A mean of points is a point."""
        return frozenset({"mixup"})

    def recognize(self, path: Path, hints: Hints = Hints()) -> InferredTask | None:
        """Recognize a file by its name."""
        if not path.name.endswith(SUFFIX) or not path.is_file():
            return None
        problems = [one.problem or "classification" for one in hints.each()]
        asked = [one.targets or (TARGETS.get(one.problem, "label"),) for one in hints.each()]
        pairs = zip(problems, asked, strict=True)
        task = Task(
            name=path.name.removesuffix(SUFFIX) or "points",
            modality=self.name,
            data={"file": str(path.resolve())},
            targets=tuple(TaskTarget(problem=one, columns=of[0] if len(of) == 1 else of) for one, of in pairs),
            unlabeled=hints.unlabeled,
            **hints.roles,
        )
        return InferredTask(task, 1.0, f"a file of points, {path.name}")

    def scan(self, task: Task) -> Scan:
        """Every point; targets, groups, times and weights are the keys that the task names. An `"x"` that cannot be
        used is skipped."""
        table = load_points(Path(str(task.data.get("file", ""))))
        rows = [
            Row(
                id=f"row-{number}",
                ref=entry.get("x"),
                targets=tuple(target_of(entry, target.columns) for target in task.targets),
                split=entry.get("split", ""),
                **{role: entry[key] for role, key in task.roles.items() if key in entry},
            )
            for number, entry in enumerate(table["rows"])
        ]
        unlabeled = [Row(f"unlabeled-{number}", x) for number, x in enumerate(table["unlabeled"])]
        return sorted_out(rows, unlabeled)

    def collect(self, inputs: Sequence[Any], task: Task) -> Scan:
        """Lists or arrays of numbers, arrays of several points, and paths of files of points."""
        points = [point for given in inputs for point in points_of(given)]
        return sorted_out([Row(f"row-{number}", point) for number, point in enumerate(points)], [])

    def read(self, row: Row) -> npt.NDArray[np.float32]:
        """The numbers, shape (numbers,)."""
        if skip := reason_of(row.ref, len(row.ref or ())):
            raise Unreadable(f"{row.id}: {skip}.")
        return np.asarray(row.ref, dtype=np.float32)

    def digest(self, row: Row) -> str:
        """Of the numbers."""
        return hashlib.sha256(np.asarray(row.ref, dtype=np.float32).tobytes()).hexdigest()

    def fit(self, rows: Rows, read: Callable[[Row], Any]) -> State:
        """The mean and the standard deviation of each number."""
        table = np.stack([read(row) for row in rows])
        return State(arrays={"mean": table.mean(0), "scale": table.std(0) + 1e-6})

    def view(self, inputs: Inputs, recipe: Recipe, state: State, *, strength: Strength) -> View:
        """From numbers to a standardized tensor; light and strong views add noise."""
        import torch

        mean, scale = state.arrays["mean"], state.arrays["scale"]
        noise = _NOISE[strength] * float(recipe.of(self.name).get("noise", 0.1))

        def view(example: Example, generator: np.random.Generator) -> Example:
            point = (example.inputs - mean) / scale
            if noise:
                point = point + noise * generator.standard_normal(point.shape, dtype=np.float32)
            return replace(example, inputs=torch.from_numpy(point))

        return view

    def collate(self, samples: Sequence[Any]) -> Tensor:
        """One tensor, shape (rows, numbers)."""
        import torch

        return torch.stack(list(samples))


@final
class ToyFamily(BackboneFamily):
    """Perceptrons; they need no weights, and learn from the training rows how many numbers a point has."""

    prefix = "tiny"
    space: ClassVar[Space] = {"activation": Choice(("tanh", "relu"), doc="activation of the hidden layers")}

    def curated(self) -> Sequence[BackboneInfo]:
        """A narrow one and a wide one."""
        points = Inputs(kind="points")
        return [
            BackboneInfo(
                name="tiny/wide", inputs=points, gigaflops=2e-6, prior=0.6, arguments={"width": 16}, hides="values"
            ),
            BackboneInfo(
                name="tiny/narrow", inputs=points, gigaflops=1e-6, prior=0.5, arguments={"width": 8}, hides="values"
            ),
        ]

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """Those of the two that match."""
        return [info for info in self.curated() if fnmatch.fnmatchcase(info.name.removeprefix("tiny/"), pattern)]

    def version(self) -> str:
        """Its encoders are the same everywhere."""
        return "1"

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """How many numbers a point has."""
        return State({"numbers": len(read(rows[0]))})

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """A perceptron whose first weights are the same everywhere."""
        from autosft.testing.toy_encoder import ToyEncoder

        if weights is not None:
            raise BadWeights(f"{weights.path}: toy encoders take no weights.")
        activation = str(recipe.of(self.prefix).get("activation", "tanh"))
        return ToyEncoder(state.values["numbers"], info.arguments["width"], activation)


@final
class ToyStrategy(Strategy):
    """Train everything in one stage."""

    name = "toy"
    uses = frozenset({"optim.lr", "optim.head_lr", "optim.batch_size", "regular.augment", "stop.max_epochs"})
    space: ClassVar[Space] = {
        "optim.lr": Float(1e-3, 1e-1, default=1e-2, log=True, doc="peak learning rate of the encoder"),
        "optim.head_lr": Float(1e-2, 3e-1, default=5e-2, log=True, doc="peak learning rate of the heads"),
        "stop.max_epochs": Int(2, 8, default=4, doc="epochs of a trial"),
    }

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """One stage over the labelled rows."""
        from autosft.api.tensors import parameter_groups, supervised, training_batches

        yield Stage(
            name="toy",
            model=model,
            batches=training_batches(trial, runtime),
            loss=supervised(trial.parts, model),
            parameters=parameter_groups(trial.parts.recipe, model),
            epochs=trial.parts.recipe.stop.max_epochs,
            valid=trial.valid,
        )


autosft_api = 2


@hookimpl
def autosft_modalities() -> Iterable[Modality]:
    """Points."""
    return [ToyModality()]


@hookimpl
def autosft_backbones() -> Iterable[BackboneFamily]:
    """Perceptrons."""
    return [ToyFamily()]


@hookimpl
def autosft_strategies() -> Iterable[Strategy]:
    """One stage."""
    return [ToyStrategy()]


def registry(*problems: Problem) -> Registry:
    """The toy parts and these problems, without any entry point."""
    modality, family, strategy = ToyModality(), ToyFamily(), ToyStrategy()
    return Registry(
        modalities={modality.name: modality},
        backbones={family.prefix: family},
        problems={problem.name: problem for problem in problems},
        strategies={strategy.name: strategy},
    )


def write_distribution(folder: Path, module: str = __name__) -> None:
    """Install the toy plugin, or that of another module, into a folder; a process with that folder on its `PYTHONPATH`
    finds it as any other."""
    name = module.rpartition(".")[2]
    info = folder / f"autosft_{name}-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: autosft-{name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[autosft]\n{name} = {module}\n", encoding="utf-8")
    (info / "RECORD").write_text(f"autosft_{name}-1.0.dist-info/METADATA,,\n", encoding="utf-8")


def all_but(*kept: str) -> str:
    """A value of `AUTOSFT_DISABLE_PLUGINS`: every installed distribution with plugins, but AutoSFT and those named.

    With it a test sees the same parts whatever is installed beside.
    """
    installed = {point.dist.name for point in metadata.entry_points(group=GROUP) if point.dist}
    return ",".join(sorted(installed - {"autosft", *kept}))

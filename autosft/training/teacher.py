"""`Teacher`: models of earlier trials, as a trial asks them that they teach. `pseudo_labelled`: rows that they label.

They are asked in two ways. What they answer to rows without targets, as these are, is computed once and kept in the
trial's folder: for pseudo-labels. Or they see the very batches of the student, augmented as for it, and answer step by
step: for distillation (a patient teacher; Beyer et al., 2022). They may be asked about training rows in the latter way
alone, as they know these by heart; about validation rows in none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autosft.contracts.document import sha256_of
from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Rows, objects
from autosft.contracts.steps import Step
from autosft.contracts.strategy import Batches
from autosft.contracts.tensors import Model
from autosft.contracts.trial import EvalBatch, Parts, Runtime, TeacherModel, Trial
from autosft.errors import AutoSFTError, BadInput, BadTeacher, OutOfTime
from autosft.training.evaluation import answer
from autosft.training.loaders import Loader
from autosft.training.pseudo_labels import note_pseudo_labels
from autosft.training.seeds import drawing_apart

TAUGHT = "taught"
"""The folder in a trial's folder where the answers of its teacher lie."""

STUDENT = "student"
"""The stream of the rows as the student sees them."""

PORTION = 4096
"""So many rows are answered before it is seen whether there is time for more; a trial that was killed goes on there."""


@final
class Teacher:
    """The models that teach a trial. They are loaded when they are asked, and draw nothing.

    Args:
        trial: Who is taught.
        runtime: Where to compute.
    """

    def __init__(self, trial: Trial, runtime: Runtime) -> None:
        self._trial, self._runtime = trial, runtime
        self._living: list[tuple[Parts, Model]] = []

    def answers(self, rows: Rows) -> tuple[Outputs, ...]:
        """For each target what they answer together to rows without targets, in their order.

        Raises:
            ValueError: A row is none of the trial's unlabelled ones.
            BadTeacher: A model is missing, damaged, or knows other labels than the trial.
            OutOfTime: There is no time for all rows.
        """
        return self._together(self._each(rows))

    def agreement(self, rows: Rows) -> npt.NDArray[np.float64]:
        """How many of the models, by weight, give the same labels to every target as they do together, for rows without
        targets, in their order: from 0 to 1, shape (rows,). It is 1 where answers are no labels: no two numbers are
        quite the same.

        Raises:
            ValueError: As for `answers`, as are all others.
            BadInput: A problem offers no pseudo-labels; `Problem.offers` tells.
        """
        each, found = self._each(rows), np.ones(len(rows))
        asked = zip(self._trial.parts.problems, self._trial.parts.states.problems, self._together(each), strict=True)
        for position, (problem, state, outputs) in enumerate(asked):
            if problem.classes(state):
                labels = objects(problem.pseudo_labels(outputs, state)[0])
                theirs = [objects(problem.pseudo_labels(one[position], state)[0]) for one in each]
                agreeing = zip(theirs, self._trial.teacher, strict=True)
                found = np.minimum(found, sum(model.weight * (one == labels) for one, model in agreeing))
        return found

    def _each(self, rows: Rows) -> list[tuple[Outputs, ...]]:
        if foreign := set(rows.id) - set(self._trial.unlabeled.id):
            raise ValueError(f"Teachers label rows without targets alone, and {sorted(foreign)[0]!r} is none.")
        return [self._answered(model, rows) for model in self._trial.teacher]

    def beside(self, loader: Batches) -> Batches:
        """What a `Loader` loads, in steps: its batch under `"student"`, and the same rows as each model takes them, in
        the same views, from the same draws.

        Raises:
            ValueError: There are validation rows among them.
            BadTeacher: A model is missing, damaged, or knows other labels than the trial.
        """
        if not isinstance(loader, Loader):
            raise TypeError(f"Teachers look at what a Loader loads, and not a {type(loader).__name__}.")
        if shown := set(loader.rows.id) & set(self._trial.valid.id):
            raise ValueError(f"Teachers label no validation rows, and {sorted(shown)[0]!r} is one.")
        self._living = [self._load(model) for model in self._trial.teacher]
        streams: dict[str, Loader] = {STUDENT: loader}
        for (parts, _), model in zip(self._living, self._trial.teacher, strict=True):
            streams[_stream(model)] = Loader(
                self._seen(parts),
                self._runtime,
                loader.rows,
                loader.strengths,
                shuffle=loader.shuffle,
                sampling_weights=loader.sampling_weights,
                batch_size=loader.batch_size,
                targets=False,
            )
        return _Together(streams)

    def answer(self, step: Step) -> tuple[Mapping[str, Tensor], ...]:
        """For each target the arrays that they answer together to a step of `beside`, on the device, without a
        gradient."""
        each: list[list[Outputs]] = []
        for (parts, model), member in zip(self._living, self._trial.teacher, strict=True):
            batch = step[_stream(member)].without_targets()
            with torch.no_grad():
                outs = model(batch)
                asked = zip(parts.problems, outs, parts.states.problems, parts.recipes, strict=True)
                each.append([one.outputs(out, batch, state, recipe, model) for one, out, state, recipe in asked])
        device = self._runtime.device
        return tuple(
            {name: _single(array).to(device) for name, array in outputs.arrays.items()}
            for outputs in self._together(each)
        )

    def _together(self, each: Sequence[Sequence[Outputs]]) -> tuple[Outputs, ...]:
        weights = [model.weight for model in self._trial.teacher]
        problems = self._trial.parts.problems
        return tuple(one.combine(many, weights) for one, many in zip(problems, zip(*each, strict=True), strict=True))

    def _answered(self, model: TeacherModel, rows: Rows) -> tuple[Outputs, ...]:
        """What one of them answers, portion by portion, as it is kept: so it is the same when the trial goes on."""
        loaded: tuple[Parts, Model] | None = None
        alone = replace(self._runtime, eval_batch=EvalBatch())
        portions: list[tuple[Outputs, ...]] = []
        for start in range(0, len(rows), PORTION):
            some = rows[start : start + PORTION]
            folder = self._folder(model, some)
            if not _is_sound(folder, some):
                if self._runtime.seconds_left() < 0:
                    raise OutOfTime(f"The time was up while the teacher answered {len(rows)} rows without targets.")
                loaded = loaded or self._load(model)
                parts, network = loaded
                with drawing_apart():
                    outputs = answer(parts, alone, network, some, cached=model.frozen)
                StoredOutputs(some, outputs, parts.states.problems).write(folder)
            portions.append(StoredOutputs.read(folder, some.columns).outputs)
        return tuple(Outputs.concat(several) for several in zip(*portions, strict=True))

    def _folder(self, model: TeacherModel, rows: Rows) -> Path:
        digest = sha256_of("\n".join(rows.id).encode())[:16]
        return self._trial.folder / TAUGHT / f"{model.trial}-{digest}"

    def _load(self, member: TeacherModel) -> tuple[Parts, Model]:
        """A model and its parts.

        Raises:
            BadTeacher: It is missing, damaged, or knows other labels than the trial.
        """
        parts, model = load_model(member)
        pairs = zip(parts.problems, parts.states.problems, self._trial.parts.states.problems, strict=True)
        if any(list(problem.classes(one)) != list(problem.classes(other)) for problem, one, other in pairs):
            raise BadTeacher(f"Trial {member.trial}, which is to teach this one, knows other labels.", member.trial)
        return parts, model

    def _seen(self, parts: Parts) -> Parts:
        """The parts of a model that sees rows augmented as the student does, else as it was trained to."""
        modality, taught = parts.modality, self._trial.parts.recipe
        augmented = {name: value for name, value in taught.of(modality.name).items() if name in modality.augmentation}
        own = {**parts.recipe.own, modality.name: {**parts.recipe.of(modality.name), **augmented}}
        return replace(parts, recipe=parts.recipe.changed(own=own))


@final
class _Together:
    """Streams that go through the same rows in the same order."""

    def __init__(self, streams: Mapping[str, Loader]) -> None:
        self._streams = streams

    def __len__(self) -> int:
        return len(self._streams[STUDENT])

    def epoch(self, seed: int) -> Iterator[Step]:
        """The steps of an epoch: all streams draw from the same seed."""
        for batches in zip(*(stream.epoch(seed) for stream in self._streams.values()), strict=True):
            yield Step(dict(zip(self._streams, batches, strict=True)))


def load_model(member: TeacherModel) -> tuple[Parts, Model]:
    """The parts and the model of an earlier trial, which is not trained any more. Drawing nothing, it changes nothing
    for who is trained.

    Raises:
        BadTeacher: It is missing or damaged.
    """
    try:
        with drawing_apart():
            parts, model = member.load()
    except AutoSFTError as error:
        raise BadTeacher(f"Trial {member.trial}, on which this one builds: {error}", member.trial) from error
    return parts, model.eval().requires_grad_(False)


def pseudo_labelled(trial: Trial, runtime: Runtime, least: float) -> Rows:
    """The trial's unlabelled rows of which its teacher is sure, with what it answers for targets (Lee, 2013).

    Args:
        trial: Who is taught.
        runtime: Where to compute.
        least: How sure it must be, from 0 to 1, of the answers to every problem.

    Raises:
        BadInput: A problem offers no pseudo-labels; `Problem.offers` tells.
    """
    rows, parts = trial.unlabeled, trial.parts
    labels: list[Sequence[Any]] = []
    sure = np.ones(len(rows), dtype=bool)
    answered = Teacher(trial, runtime).answers(rows)
    for problem, outputs, state in zip(parts.problems, answered, parts.states.problems, strict=True):
        targets, sureness = problem.pseudo_labels(outputs, state)
        labels.append(targets)
        sure &= sureness >= least
    found = rows.with_columns(targets=objects(zip(*labels, strict=True))).take(sure)
    note_pseudo_labels(trial, found.target(0))
    return found


def _is_sound(folder: Path, rows: Rows) -> bool:
    """Whether answers lie there; what is damaged is answered anew, which gives the same."""
    try:
        return StoredOutputs.is_there(folder) and bool(StoredOutputs.read(folder, rows.columns))
    except BadInput:
        return False


def _stream(model: TeacherModel) -> str:
    return f"trial {model.trial}"


def _single(array: Any) -> Tensor:
    """As a tensor, in single precision if these are floating-point numbers."""
    tensor = torch.as_tensor(array)
    return tensor.float() if tensor.is_floating_point() else tensor

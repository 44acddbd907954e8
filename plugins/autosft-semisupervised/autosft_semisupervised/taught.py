"""The stages of students, who learn from what models of earlier trials answer. Imported when they train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

from autosft.api import Parts, Runtime, Stage, Trial
from autosft.api.tensors import (
    Batch,
    CombinedLoader,
    Loader,
    Model,
    Step,
    Teacher,
    note_pseudo_labels,
    parameter_groups,
    row_losses,
)

LABELLED, TAUGHT, STUDENT = "labelled", "taught", "student"


def student_stage(trial: Trial, runtime: Runtime, model: Model, strategy: str) -> Stage:
    """Labelled rows, and rows that are taught, all in a strong view, epoch by epoch of the latter.

    Args:
        trial: What to train on.
        runtime: Where.
        model: What to train.
        strategy: Whose parameters `ratio` and `trust` count.
    """
    parts, recipe = trial.parts, trial.parts.recipe
    own, size = recipe.of(strategy), recipe.optim.batch_size
    taught = Taught(trial, runtime)
    streams = {
        LABELLED: Loader(parts, runtime, trial.train, ["strong"], shuffle=True),
        TAUGHT: Loader(
            parts,
            runtime,
            trial.unlabeled,
            ["strong"],
            shuffle=True,
            batch_size=int(own["ratio"]) * size,
            targets=False,
        ),
    }

    def loss(step: Step) -> Tensor:
        known, others = step[LABELLED], step[TAUGHT]
        total = row_losses(parts, model(known), known).mean()
        return total + float(own["trust"]) * taught.losses(model(others), others).mean()

    return _stage(trial, model, strategy, CombinedLoader(streams, length=TAUGHT), loss)


def patient_stage(trial: Trial, runtime: Runtime, model: Model, strategy: str) -> Stage:
    """All rows in a strong view, as the teachers see them too.

    Args:
        trial: What to train on.
        runtime: Where.
        model: What to train.
        strategy: Whose parameter `temperature` counts.
    """
    parts, teacher = trial.parts, Teacher(trial, runtime)
    temperature = float(parts.recipe.of(strategy)["temperature"])
    rows = trial.train + trial.unlabeled

    def loss(step: Step) -> Tensor:
        return distilled(parts, model(step[STUDENT]), teacher.answer(step), temperature).mean()

    batches = teacher.beside(Loader(parts, runtime, rows, ["strong"], shuffle=True, targets=False))
    return _stage(trial, model, strategy, batches, loss)


def _stage(trial: Trial, model: Model, name: str, batches: Any, loss: Callable[[Any], Tensor]) -> Stage:
    recipe = trial.parts.recipe
    parameters = parameter_groups(recipe, model)
    return Stage(name, model, batches, loss, parameters, recipe.stop.max_epochs, valid=trial.valid)


def distilled(parts: Parts, outs: Sequence[Any], answers: Sequence[Mapping[str, Tensor]], temperature: float) -> Tensor:
    """How far what a student gave is from answers, shape (rows,): summed over targets, by their weights in the task.

    Args:
        parts: The student's.
        outs: What it gave, one entry per target.
        answers: Arrays of `Outputs`, one entry per target.
        temperature: See `Problem.distillation_loss`.
    """
    asked = zip(parts.task.targets, parts.problems, outs, answers, parts.states.problems, parts.recipes, strict=True)
    return torch.stack(
        [
            target.weight * problem.distillation_loss(out, answer, state, recipe, temperature)
            for target, problem, out, answer, state, recipe in asked
        ]
    ).sum(0)


@final
class Taught:
    """What the models of earlier trials answer together to a trial's rows without targets, and how much that counts:
    its sureness, times the square of the fraction of models that agree with it.

    Args:
        trial: Who is taught.
        runtime: Where to compute.
    """

    def __init__(self, trial: Trial, runtime: Runtime) -> None:
        rows, parts, teacher = trial.unlabeled, trial.parts, Teacher(trial, runtime)
        answers = teacher.answers(rows)
        weights = teacher.agreement(rows) ** 2
        labels: list[Sequence[Any]] = []
        for problem, outputs, state in zip(parts.problems, answers, parts.states.problems, strict=True):
            given, sureness = problem.pseudo_labels(outputs, state)
            labels.append(given)
            weights = weights * sureness
        note_pseudo_labels(trial, labels[0])
        device = runtime.device
        self._parts, self._places = parts, {one: place for place, one in enumerate(rows.id)}
        self._weights = torch.from_numpy(np.asarray(weights)).float().to(device)
        self._answers = [
            {name: torch.as_tensor(array).to(device) for name, array in one.arrays.items()} for one in answers
        ]

    def losses(self, outs: Sequence[Any], batch: Batch) -> Tensor:
        """The weighted loss of each row, shape (rows,).

        Args:
            outs: What the student gave, one entry per target.
            batch: The rows.
        """
        places = torch.tensor([self._places[one] for one in batch.rows], device=self._weights.device)
        answers = [{name: _single(array[places]) for name, array in one.items()} for one in self._answers]
        return distilled(self._parts, outs, answers, 1.0) * self._weights[places]


def _single(array: Tensor) -> Tensor:
    """In single precision if these are floating-point numbers."""
    return array.float() if array.is_floating_point() else array

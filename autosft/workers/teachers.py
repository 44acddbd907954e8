"""`teachers_of`: the models of earlier trials that teach a trial, as its recipe names them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch  # noqa: TID253

from autosft.contracts.recipe import Recipe
from autosft.contracts.task import Task
from autosft.contracts.tensors import Model
from autosft.contracts.trial import Parts, TeacherModel
from autosft.deploy.bundle import member_damage
from autosft.deploy.member import load_member
from autosft.errors import BadBundle
from autosft.host.registry import Registry
from autosft.runs.run import Run


def teachers_of(recipe: Recipe, run: Run, registry: Registry, device: torch.device) -> tuple[TeacherModel, ...]:
    """The models, none of them loaded yet."""
    task = run.document.task
    return tuple(
        TeacherModel(
            one.trial,
            one.weight,
            partial(_load, run.trial_folder(one.trial), task, registry, device),
            frozen=registry.strategy(one.recipe.strategy).cheap,
        )
        for one in recipe.teacher
    )


def _load(folder: Path, task: Task, registry: Registry, device: torch.device) -> tuple[Parts, Model]:
    """A model and its parts.

    Raises:
        BadBundle: A file is missing or damaged.
        PartMissing: A part that its recipe names is not installed.
    """
    if damage := member_damage(folder):
        raise BadBundle(damage)
    return load_member(folder, task, registry, device)

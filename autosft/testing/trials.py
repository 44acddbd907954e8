"""Trials for tests: what a worker would make of a task and a recipe, without a search. It needs torch.

`pair_trial` puts any problem and any strategy together, on points.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from autosft.contracts.facts import Facts
from autosft.contracts.problem import Problem
from autosft.contracts.recipe import Optim, Recipe, Stop
from autosft.contracts.rows import Rows
from autosft.contracts.scoring import metrics_of
from autosft.contracts.space import Space, defaults
from autosft.contracts.state import State
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Task, TaskTarget
from autosft.contracts.trial import Parts, Runtime, States, TeacherModel, Trial
from autosft.data.duplicates import with_digests
from autosft.errors import BadInput
from autosft.host.registry import Registry
from autosft.testing import toy
from autosft.testing.points import TARGETS, make_points_of
from autosft.testing.shapes import ShapesFamily
from autosft.testing.toy import ToyFamily, ToyStrategy
from autosft.training.loop import train

WRITTEN: tuple[Sequence[Any], ...] = (
    ["a", "b", "a", "c", "b", "c", "a", "b"],
    [0.5, 2.25, 1.0, 0.0, 7.5, 2.0, 2.5, 12.0],
    [0, 3, 1, 0, 7, 2, 2, 12],
    [("a", "b"), (), ("b",), ("a",), ("c",), ("a", "c"), ("b", "c"), ("c",)],
    [(0.5, 1.0), (2.25, 0.0), (1.0, 3.5), (0.0, 2.0), (7.5, 1.5), (2.0, 0.5), (2.5, 2.5), (12.0, 1.0)],
)
"""Targets as they are usually written: one label, a number, a count, any number of labels, several numbers."""

PAIR_EPOCHS = 2
"""So long `pair_trial` trains: it shows that a problem and a strategy get on, and not how well."""

VALID_EVERY = 4
"""Where the data names no validation rows, each fourth row validates."""


def make_trial(folder: Path, task: Task, registry: Registry, recipe: Recipe) -> Trial:
    """A trial of a task; `dataclasses.replace` changes what a test needs otherwise."""
    modality, family = registry.modality(task.modality), registry.family(recipe.backbone)
    problems = registry.problems_of(task)
    info = family.match(recipe.backbone.partition("/")[2])[0]
    scan = modality.scan(task)
    train, valid = _divided(with_digests(scan.rows, modality.digest))
    states = States(
        modality=modality.fit(train, modality.read),
        backbone=family.fit(info, train, modality.read),
        problems=tuple(problem.fit(train.with_target(n).target(n)) for n, problem in enumerate(problems)),
    )
    parts = Parts(
        task.with_metrics(metrics_of(task.targets, problems)), recipe, modality, family, info, problems, None, states
    )
    return Trial(parts, folder, train, valid, scan.unlabeled)


def targets_for(problem: Problem) -> Sequence[Any] | None:
    """The first of the usual targets that a problem takes; None if it takes others."""
    for targets in WRITTEN:
        try:
            problem.encode(targets, problem.fit(targets))
        except BadInput:
            continue
        return targets
    return None


def pair_trial(
    folder: Path, problem: Problem, targets: Sequence[Any], strategy: Strategy, backbone: str = ""
) -> tuple[Trial | None, str]:
    """A trial of a problem and a strategy that may never have met, with the defaults of both, on 48 points with targets
    and 16 without; or None, and why the strategy declines.

    Args:
        folder: Where its files lie.
        problem: What is asked.
        targets: Targets as written, in turn.
        strategy: How to train.
        backbone: One of the toy encoders, or of `shapes`; by default the toy, if it gives what the problem needs.
    """
    families = {family.prefix: family for family in (ToyFamily(), ShapesFamily())}
    registry = replace(toy.registry(problem), backbones=families)
    backbone = backbone or ("tiny/narrow" if problem.needs <= {"pooled"} else "shapes/trained")
    path = make_points_of(folder / "pair.points.json", targets)
    task = points_task(path, problems=[problem.name], targets=["target"])
    recipe = default_recipe(strategy, backbone)
    stop = recipe.stop.model_copy(update={"max_epochs": PAIR_EPOCHS})
    own = {**recipe.own, **usual_recipe(backbone, problem.name, problem.space).own}
    trial = make_trial(folder / "pair", task, registry, recipe.changed(stop=stop, own=own))
    facts = Facts(train=len(trial.train), valid=len(trial.valid), unlabeled=len(trial.unlabeled))
    if reason := strategy.accepts(facts, trial.parts.info, trial.parts.problems):
        return None, reason
    if strategy.builds_on_trials:
        trial = replace(trial, teacher=make_teacher(trial, folder / "teacher"))
    return trial, ""


def make_runtime(trial: Trial) -> Runtime:
    """The CPU, without an end to its time."""
    return Runtime(trial.parts.modality.read, torch.device("cpu"))


def make_teacher(trial: Trial, folder: Path) -> tuple[TeacherModel, ...]:
    """A narrow and a wide toy that were trained on the rows of a trial on points, to teach it."""
    models: list[TeacherModel] = []
    for number, info in enumerate(trial.parts.family.match("*")):
        quick = quick_recipe("toy", backbone=info.name)
        recipe = quick.changed(own={**trial.parts.recipe.own, **quick.own})
        parts = replace(trial.parts, info=info, recipe=recipe)
        taught = replace(trial, parts=parts, folder=folder / str(number), teacher=(), start=None)
        model = train(taught, make_runtime(trial), ToyStrategy()).model
        models.append(TeacherModel(number, 0.5, partial(copy.deepcopy, (parts, model))))
    return tuple(models)


def with_values(state: State, **values: Any) -> State:
    """The same state with some values added or replaced."""
    return replace(state, values={**state.values, **values})


def points_task(
    path: Path, *, problems: Sequence[str] = ("classification",), targets: Sequence[str | tuple[str, ...]] = ()
) -> Task:
    """The task of a file of points; targets are by default those that `make_points` writes for the problems."""
    columns = targets or [TARGETS.get(problem, "label") for problem in problems]
    asked = (TaskTarget(problem=one, columns=of) for one, of in zip(problems, columns, strict=True))
    return Task(name="points", modality="points", data={"file": str(path)}, targets=tuple(asked))


def quick_recipe(strategy: str, *, backbone: str = "tiny/narrow", epochs: int = 3) -> Recipe:
    """A recipe under which toy encoders learn within a few epochs."""
    optim = Optim(lr=1e-2, head_lr=5e-2, batch_size=16)
    return Recipe(backbone=backbone, strategy=strategy, optim=optim, stop=Stop(max_epochs=epochs), seed=1)


def usual_recipe(backbone: str, part: str, space: Space, values: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe with the default of every parameter of one part, or the values that are given in place of some."""
    own = {**defaults(space), **(values or {})}
    return Recipe(backbone=backbone, strategy="any", own={part: own} if own else {})


def default_recipe(strategy: Strategy, backbone: str) -> Recipe:
    """The recipe of a search's first trial: every parameter at its default, with the strategy's own ranges."""
    tables: dict[str, dict[str, Any]] = {"optim": {}, "regular": {}, "stop": {}, "own": {}}
    for name, parameter in strategy.space.items():
        table, dot, field = name.rpartition(".")
        tables[table if dot else "own"][field] = parameter.default
    own = {strategy.name: tables.pop("own")}
    return Recipe.model_validate({"backbone": backbone, "strategy": strategy.name, **tables, "own": own, "seed": 1})


def _divided(rows: Rows) -> tuple[Rows, Rows]:
    """Rows to train on and to validate on."""
    split = rows.split
    valid = [name == "valid" or (not (split == "valid").any() and n % VALID_EVERY == 0) for n, name in enumerate(split)]
    return rows.take([n for n, chosen in enumerate(valid) if not chosen]), rows.take(
        [n for n, chosen in enumerate(valid) if chosen]
    )

"""Where the parameters of trials come from, and the recipes that they stand for. Only here is a space composed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

from autosft.contracts.modality import Mix
from autosft.contracts.problem import Problem
from autosft.contracts.recipe import SHARED, Recipe
from autosft.contracts.scoring import metrics_of
from autosft.contracts.settings import narrowed
from autosft.contracts.space import Choice, Int, Parameter, Space, Value, defaults
from autosft.contracts.task import Task
from autosft.errors import BadInput
from autosft.host.registry import Registry
from autosft.runs.parameters import names_for, scaled
from autosft.runs.plan import Plan
from autosft.training.seeds import seed_of

RelativeCost = Callable[[Recipe], float]
Unlabeled = Callable[[Recipe], tuple[int, float]]

COUNTS = ("rows", "unlabeled")
"""The parameters that say on how many rows, with targets and without, a trial is made that has no time for all."""

START, NO_START = "start", "none"
"""The parameter that names who makes the encoder that a trial starts from, and what it says if nobody does."""


def choices_of(plan: Plan) -> dict[str, Choice]:
    """The choices of backbone and strategy, which every trial has."""
    strategies = dict.fromkeys(name for candidate in plan.candidates for name in candidate.strategies)
    return {
        "backbone": Choice(tuple(candidate.info.name for candidate in plan.candidates)),
        "strategy": Choice(tuple(strategies)),
    }


def whole_space_of(task: Task, registry: Registry, plan: Plan, params: Mapping[str, Value]) -> Space:
    """Where all of a trial's parameters come from: the choices, the pair's own space, and the numbers of rows."""
    counts: Space = {name: Int(1, 2**31, default=1) for name in COUNTS if name in params}
    return {
        **choices_of(plan),
        **space_of(task, registry, plan, str(params["backbone"]), str(params["strategy"])),
        **counts,
    }


def space_of(task: Task, registry: Registry, plan: Plan, backbone: str, strategy: str) -> dict[str, Parameter]:
    """The parameters that mean anything to this pair, by the names that the study knows.

    A shared field for which the strategy has a range of its own is named after the strategy, and the learning rate of
    a family with a `rate` of its own after the family too, so that one name never has two meanings. What the user has
    set of a field for a strategy is such a range.
    """
    space: dict[str, Parameter] = {}
    for name, parameter, names in _entries(task, registry, plan, backbone, strategy):
        said = next((plan.settings[one] for one in names if one in plan.settings), "")
        space[name] = narrowed(parameter, said) if said else parameter
    if plan.starts and registry.strategy(strategy).produces == "model":
        space[START] = Choice((NO_START, *plan.starts))
    return space


def check_used(task: Task, registry: Registry, plan: Plan) -> None:
    """See that every setting is of a parameter that some trial may have.

    Raises:
        BadInput: One is not, because the parameter means nothing for these data, this metric or these backbones.
    """
    pairs = [(one.info.name, name) for one in plan.candidates for name in (*one.strategies, *one.starts)]
    used = {name for pair in pairs for _, _, names in _entries(task, registry, plan, *pair) for name in names}
    for name, text in plan.settings.items():
        if name not in used:
            raise BadInput(
                f"Setting {name}={text}: the parameter means nothing for these data, this metric and the backbones and "
                "strategies that can be tried. Leave it out."
            )


def _entries(
    task: Task, registry: Registry, plan: Plan, backbone: str, strategy: str
) -> Iterator[tuple[str, Parameter, tuple[str, ...]]]:
    """The parameters of a pair as they are declared: the name that the study knows, the parameter, and the names under
    which it is set, of which the first one counts."""
    chosen, family, modality = registry.strategy(strategy), registry.family(backbone), registry.modality(task.modality)
    problems = registry.problems_of(task)
    info = plan.candidate(backbone).info
    idle = _unheard(task, problems) | family.ignores(info)
    mixed = plan.facts.complete and all(problem.loss_per_row for problem in problems)  # else nothing can be mixed
    idle |= {f"regular.{mix}" for mix in get_args(Mix) if not mixed or mix not in modality.mixes(info.inputs)}
    shared = {name: SHARED[name] for name in sorted(chosen.uses) if name not in chosen.space}
    for field, parameter in {**shared, **chosen.space}.items():
        if field not in idle:
            names, ranged = names_for(chosen, field), scaled(family, field, parameter)
            own = field in chosen.space or any(name in plan.settings for name in names[:-1])
            before = (family.prefix if ranged != parameter else "", strategy if own else "", field)
            yield ".".join(filter(None, before)), ranged, names
    spaces: list[tuple[str, Space, tuple[str, ...]]] = [
        (modality.name, modality.space_for(info.inputs, plan.state), ()),
        (family.prefix, family.space_for(info), ()),
    ]
    spaces += [(owner, one.space, (one.name,)) for owner, one in zip(task.owners, problems, strict=True)]
    if "regular.augment" in chosen.uses:
        spaces += [(modality.name, modality.augmentation, ())]
    for part, space, kinds in spaces:
        yield from ((f"{part}.{n}", one, tuple(f"{each}.{n}" for each in (part, *kinds))) for n, one in space.items())


def start_of(task: Task, registry: Registry, plan: Plan, backbone: str, strategy: str, seed: int) -> Recipe:
    """The recipe by which an encoder is pretrained in a run of this seed: with the defaults."""
    space = space_of(task, registry, plan, backbone, strategy)
    params = {"backbone": backbone, "strategy": strategy, **defaults(space)}
    return recipe_of(params, seed_of(seed, "start", backbone, strategy))


def has_teacher(registry: Registry, strategy: str) -> bool:
    """Whether trials of a strategy are given models of earlier ones."""
    return registry.strategy(strategy).builds_on_trials


def _unheard(task: Task, problems: Sequence[Problem]) -> frozenset[str]:
    """The shared fields that mean nothing to any of the problems, given the score of each."""
    asked = zip(problems, metrics_of(task.targets, problems), strict=True)
    ignored = [problem.ignores_for(metric) for problem, metric in asked]
    return frozenset[str].intersection(*ignored)


def relative_cost_of(task: Task, registry: Registry, plan: Plan) -> RelativeCost:
    """What a sample costs under a recipe, as a fraction of what it costs under the defaults."""
    modality = registry.modality(task.modality)
    return lambda recipe: modality.relative_cost(plan.candidate(recipe.backbone).info.inputs, recipe, plan.state)


def unlabeled_of(registry: Registry, plan: Plan) -> Unlabeled:
    """How many rows without targets a trial of a recipe learns from, and how many with targets each costs as much as in
    an epoch."""

    def rows(recipe: Recipe) -> tuple[int, float]:
        strategy = registry.strategy(recipe.strategy)
        there = min(plan.facts.unlabeled, strategy.most_unlabeled or plan.facts.unlabeled)
        count = min(recipe.unlabeled or there, there) if "unlabeled" in strategy.wants else 0
        return count, strategy.unlabeled_cost

    return rows


def recipe_of(params: Mapping[str, Value], seed: int) -> Recipe:
    """The recipe that the study's parameters stand for. Of the encoder that it starts from it says who makes it, and
    not how: see `start_of`."""
    tables: dict[str, dict[str, Any]] = {"optim": {}, "regular": {}, "stop": {}}
    own: dict[str, dict[str, Value]] = {}
    backbone, strategy = str(params["backbone"]), str(params["strategy"])
    for name, value in params.items():
        shared = name.removeprefix(f"{backbone.partition('/')[0]}.").removeprefix(f"{strategy}.")
        table, _, field = shared.partition(".")
        if table in tables and field:
            tables[table][field] = value
        elif field or name not in ("backbone", "strategy", *COUNTS, START):
            part, _, field = name.rpartition(".")  # a target may be called by a name with dots
            own.setdefault(part, {})[field] = value
    return Recipe.model_validate(
        {
            "backbone": backbone,
            "strategy": strategy,
            **tables,
            "own": own,
            **{name: params.get(name, 0) for name in COUNTS},
            "start": None if (start := params.get(START, NO_START)) == NO_START else _made_by(backbone, str(start)),
            "seed": seed,
        }
    )


def _made_by(backbone: str, strategy: str) -> Recipe:
    return Recipe(backbone=backbone, strategy=strategy)


def content_of(recipe: Recipe, *, cut: bool = False) -> str:
    """What makes two recipes the same: all but the seed, and where they may be `cut`, epochs, rows and who teaches."""
    exclude: dict[str, Any] = {"seed": True, "start": True, "teacher": True}
    exclude |= {**dict.fromkeys(COUNTS, True), "stop": {"max_epochs"}} if cut else {}
    plain = recipe.model_dump(mode="json", exclude=exclude)
    teacher = [] if cut else [[member.trial, member.weight] for member in recipe.teacher]
    return json.dumps([plain, recipe.start.strategy if recipe.start else "", teacher], sort_keys=True)


def extent_of(recipe: Recipe) -> tuple[float, int]:
    """What the clock may cut of a recipe: the rows, infinite for all, and the epochs."""
    return recipe.rows or float("inf"), recipe.stop.max_epochs

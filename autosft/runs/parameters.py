"""Which parameters the parts of a search have, under which names they are set, and whether what a user sets is allowed.

It knows declared spaces alone; which of a search's parameters a pair of backbone and strategy has, `search/space.py`
says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from autosft.contracts.backbone import BackboneFamily
from autosft.contracts.recipe import SHARED
from autosft.contracts.settings import SHORT, check_setting
from autosft.contracts.space import Float, Parameter, Space
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Task
from autosft.data.labels import listed
from autosft.errors import BadInput, UnknownName
from autosft.host.registry import Registry

TABLES = tuple(dict.fromkeys(name.partition(".")[0] for name in SHARED))
"""The tables of a recipe that all strategies share."""


def scaled(family: BackboneFamily, field: str, parameter: Parameter) -> Parameter:
    """The parameter, or if it is the encoder's learning rate, the one that suits the family."""
    if family.rate == 1.0 or not isinstance(parameter, Float) or field != "optim.lr":
        return parameter
    low, high, default = (family.rate * value for value in (parameter.low, parameter.high, parameter.default))
    return replace(parameter, low=low, high=high, default=default)


def names_for(strategy: Strategy, field: str) -> tuple[str, ...]:
    """The names under which a strategy's parameter is set, the one that counts first: `"full.optim.lr"`, `"full.lr"`
    and `"optim.lr"` for a shared field, `"fixmatch.threshold"` for one of its own."""
    if field not in SHARED:
        return (f"{strategy.name}.{field}",)
    short = field.partition(".")[2]
    own = () if short in strategy.space else (f"{strategy.name}.{short}",)
    return (f"{strategy.name}.{field}", *own, field)


def fields_of(strategy: Strategy) -> dict[str, Parameter]:
    """The parameters of a strategy: its own by plain names, and the shared fields that it uses, with its ranges."""
    shared = {name: strategy.space.get(name, SHARED[name]) for name in SHARED if name in strategy.uses}
    return {**strategy.space, **shared}


def parameters_of(registry: Registry, part: str) -> dict[str, Parameter]:
    """All parameters of a part, by the names under which they are set.

    Args:
        registry: The parts.
        part: The name of a modality, a problem, a strategy or a family of backbones; or of a table of shared fields.

    Raises:
        UnknownName: There is no such part.
    """
    if part in TABLES:
        return {short: SHARED[name] for short, name in SHORT.items() if name.startswith(f"{part}.")}
    if strategy := registry.strategies.get(part):
        return {f"{part}.{name.rpartition('.')[2]}": parameter for name, parameter in fields_of(strategy).items()}
    space: Space
    if modality := registry.modalities.get(part):
        space = {**modality.space, **modality.augmentation}
    elif family := registry.backbones.get(part):
        space = family.space
    elif problem := registry.problems.get(part):
        space = problem.space
    else:
        raise UnknownName("part", part, parts_of(registry))
    return {f"{part}.{name}": parameter for name, parameter in space.items()}


def checked(
    settings: Mapping[str, Mapping[str, str]],
    task: Task,
    registry: Registry,
    families: Iterable[str],
    strategies: Sequence[Strategy],
) -> dict[str, str]:
    """See that settings are of parts that take part in a search, of parameters that these have, and in range.

    Args:
        settings: As `parse_settings` gives them.
        task: What is to be solved.
        registry: The parts.
        families: The prefixes of the backbones that may be tried.
        strategies: Those that may be tried.

    Returns:
        The values by dotted names.

    Raises:
        UnknownName: There is no such part, or it has no such parameter.
        BadInput: The part takes no part in this search, or a value is out of range.
    """
    found = [registry.backbones[prefix] for prefix in dict.fromkeys(families)]
    for part, values in settings.items():
        for field, text in values.items():
            known = _declared(part, task, registry, found, strategies)
            if field not in known:
                raise UnknownName(f"parameter of {part}", field, known)
            if not known[field]:
                raise BadInput(
                    f"Setting {part}.{field}={text}: no strategy of this search uses it "
                    f"({listed([one.name for one in strategies])})."
                )
            check_setting(f"{part}.{field}", text, known[field])
    return {f"{part}.{name}": text for part, values in settings.items() for name, text in values.items()}


def _declared(
    part: str, task: Task, registry: Registry, families: Sequence[BackboneFamily], strategies: Sequence[Strategy]
) -> dict[str, list[Parameter]]:
    """The parameters of a part of a search, each as all of those declare it whose it is."""
    able = {one.name: one for one in strategies}
    if part in TABLES:
        names = [name for name in SHARED if name.startswith(f"{part}.")]
        users = {name: [one for one in strategies if name in one.uses] for name in names}
        return {
            name.partition(".")[2]: [
                scaled(family, name, one.space.get(name, SHARED[name])) for one in users[name] for family in families
            ]
            for name in names
        }
    if (
        owner := next((name for name in able if part in (name, *(f"{name}.{one}" for one in TABLES))), None)
    ) is not None:
        table = part.removeprefix(owner).removeprefix(".")
        fields = {
            name.removeprefix(f"{table}."): [scaled(family, name, parameter) for family in families]
            for name, parameter in fields_of(able[owner]).items()
            if not table or name.startswith(f"{table}.")
        }
        return fields if table else {**{name.rpartition(".")[2]: each for name, each in fields.items()}, **fields}
    spaces = {one.prefix: one.space for one in families}
    modality = registry.modality(task.modality)
    spaces[modality.name] = {**modality.space, **modality.augmentation}
    for owner, target in zip(task.owners, task.targets, strict=True):
        spaces[owner] = spaces[target.problem] = registry.problem(target.problem).space
    if part in spaces:
        return {name: [parameter] for name, parameter in spaces[part].items()}
    here = sorted({*TABLES, *able, *spaces})
    if part in parts_of(registry):
        raise BadInput(f"Settings of {part}: it takes no part in this search. What does: {', '.join(here)}.")
    raise UnknownName("part", part, here)


def parts_of(registry: Registry) -> list[str]:
    """The names of all that may have parameters: tables of shared fields, and parts."""
    kinds = (registry.modalities, registry.backbones, registry.problems, registry.strategies)
    return [*TABLES, *(name for kind in kinds for name in kind)]

"""`find_part`: a part by its name, or put among those at hand. `raised_in`: whether an error is of its code."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from autosft.contracts.backbone import BackboneFamily
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.strategy import Strategy
from autosft.errors import BadInput, UnknownName
from autosft.host.loading import load
from autosft.host.modules import is_file
from autosft.host.registry import Registry

Part = Modality | BackboneFamily | Problem | Strategy
Kind = Literal["modality", "backbone", "problem", "strategy"]

_MEND = "A part of a Python file is known with -p FILE."


def find_part(part: str | Part, registry: Registry | None) -> tuple[Kind, str, Registry]:
    """The kind and the name of a part, and the parts at hand with it among them.

    Args:
        part: A name, such as that of a strategy, of a family of backbones or of one of them; or a part itself, which
            need not be installed.
        registry: The parts at hand; the installed ones by default.

    Raises:
        UnknownName: There is no such part.
        BadInput: It is one that a trial in this process has no use for.
    """
    registry = registry or load()
    if isinstance(part, Modality):
        return "modality", part.name, replace(registry, modalities={**registry.modalities, part.name: part})
    if isinstance(part, BackboneFamily):
        return "backbone", part.prefix, replace(registry, backbones={**registry.backbones, part.prefix: part})
    if isinstance(part, Problem):
        return "problem", part.name, replace(registry, problems={**registry.problems, part.name: part})
    if isinstance(part, Strategy):
        return "strategy", part.name, replace(registry, strategies={**registry.strategies, part.name: part})
    tables: dict[Kind, Mapping[str, Any]] = {
        "modality": registry.modalities,
        "problem": registry.problems,
        "strategy": registry.strategies,
        "backbone": registry.backbones,
    }
    for kind, table in tables.items():
        if (part.partition("/")[0] if kind == "backbone" else part) in table:
            return kind, part, registry
    if is_file(part):
        raise BadInput(f"{part!r} is a file; give it with -p, and name a part that `autosft plugins -p {part}` lists.")
    if part in registry.executors or part in {source.name for source in registry.weights}:
        raise BadInput(
            f"{part!r} runs workers or brings weights, and a trial in this process shows neither; "
            "`autosft plugins check` asks it."
        )
    raise UnknownName("part", part, {name for table in tables.values() for name in table}, _MEND)


def raised_in(error: Exception, kind: Kind, name: str, registry: Registry) -> bool:
    """Whether code of a part, or beside it in its package, was running when an error was raised."""
    part = {
        "modality": registry.modalities,
        "backbone": registry.backbones,
        "problem": registry.problems,
        "strategy": registry.strategies,
    }[kind][name.partition("/")[0] if kind == "backbone" else name]
    module = type(part).__module__
    package = module if module.startswith("autosft.") else module.rpartition(".")[0] or module
    frames = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(f"{frame}.".startswith(f"{package}.") for frame in frames)

"""`load`: from the entry points of installed distributions to a `Registry`, one plugin at a time.

A broken plugin becomes one row and stops nothing, but for one that the user named. This file knows neither hooks nor
contracts in detail: what makes a plugin sound is said in `reading`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from autosft.contracts.recipe import Recipe
from autosft.errors import PluginBroken, UnknownName
from autosft.host.hookspecs import API_VERSION, GROUP
from autosft.host.modules import import_module, place_of, row_of
from autosft.host.reading import OFFERS, Hooks, Key, blame, read
from autosft.host.registry import NAMED, Observer, Plugin, Registry

IN_RECIPES = ("modality", "backbone", "problem", "strategy")
"""Kinds whose parameters lie in a recipe under the names of the parts."""

RESERVED = frozenset({*Recipe.model_fields, "none"})
"""What stands in a recipe beside them; `"none"` is the start of a trial that has no other."""

DISABLE = "AUTOSFT_DISABLE_PLUGINS"
"""The variable that leaves out plugins by name."""

_EPOCH, _TRIAL = "autosft_epoch_finished", "autosft_trial_finished"


class _Entry(NamedTuple):
    """A blank row and where its plugin is found; None for a module that the user named, or if the distribution's list
    cannot be read (`row.error`)."""

    row: Plugin
    point: metadata.EntryPoint | None


def load(modules: Iterable[str | Path] = ()) -> Registry:
    """Import every installed plugin and collect what it offers.

    `AUTOSFT_DISABLE_PLUGINS=a,b` leaves out distributions or entry points by name, without importing them.

    Args:
        modules: Modules to load beside them, as paths of Python files or by their names.

    Raises:
        UnknownName: `AUTOSFT_DISABLE_PLUGINS` names what is not installed.
        PluginBroken: One of the modules does not load; or a plugin does not, and `AUTOSFT_STRICT_PLUGINS` is set to
            anything but 0.
    """
    strict = os.environ.get("AUTOSFT_STRICT_PLUGINS", "") not in ("", "0")
    installed = _installed()
    disabled = _disabled(installed)
    parts: dict[Key, Any] = {}
    owners: dict[Key, str] = {}
    plugins: list[Plugin] = []
    observers: list[Observer] = []
    given = {row.module: _Entry(row, None) for row in map(row_of, map(str, modules))}
    for row, point in [*installed, *given.values()]:
        if disabled & {canonical(row.distribution), canonical(row.name)}:
            plugins.append(replace(row, status="disabled", error=""))
            continue
        try:
            if point is None and row.name != NAMED:
                raise PluginBroken(row.error)
            row, plugin = _import(row, point)
            _check_api(row)
            hooks, offered = read(plugin)
            _check_new(offered, owners)
        except PluginBroken as error:
            if row.name == NAMED:
                raise PluginBroken(f"{place_of(error, row)}{error}") from error
            if strict:
                raise PluginBroken(f"{row.title}: {error}") from error
            plugins.append(replace(row, status="failed", error=str(error)))
            continue
        parts |= offered
        owners |= dict.fromkeys(_names(offered), row.title)
        if _EPOCH in hooks or _TRIAL in hooks:
            observers.append(Observer(row.title, hooks.get(_EPOCH), hooks.get(_TRIAL)))
        plugins.append(replace(row, parts=_phrases(offered, hooks)))
    return _registry(parts, tuple(plugins), tuple(observers))


def _registry(parts: dict[Key, Any], plugins: tuple[Plugin, ...], observers: tuple[Observer, ...]) -> Registry:
    kinds: dict[str, dict[str, Any]] = {kind: {} for kind, _ in OFFERS.values()}
    for (kind, name), part in parts.items():
        kinds[kind][name] = part
    for name, problem in kinds["problem"].items():
        if more := [metric for metric in kinds["metric"].values() if metric.problem == name]:
            kinds["problem"][name] = problem.with_metrics(more)
    return Registry(
        modalities=MappingProxyType(kinds["modality"]),
        backbones=MappingProxyType(kinds["backbone"]),
        problems=MappingProxyType(kinds["problem"]),
        strategies=MappingProxyType(kinds["strategy"]),
        executors=MappingProxyType(kinds["executor"]),
        sections=MappingProxyType(kinds["section"]),
        weights=tuple(sorted(kinds["weights"].values(), key=lambda source: (source.order, source.name))),
        plugins=plugins,
        observers=observers,
    )


def _phrases(offered: dict[Key, Any], hooks: Hooks) -> tuple[str, ...]:
    """What the plugin does, for its row."""
    observed = [f"observer {hook.removeprefix('autosft_')}" for hook in (_EPOCH, _TRIAL) if hook in hooks]
    return (*(f"{kind} {name}" for kind, name in offered), *observed)


def _installed() -> list[_Entry]:
    """Every entry point of our group, by distribution and name: the order of the file system must not matter."""
    found: dict[tuple[str, str], _Entry] = {}
    for distribution in metadata.distributions():
        for entry in _entries(distribution):
            found.setdefault((canonical(entry.row.distribution), entry.row.name), entry)
    ours_first = sorted(
        found, key=lambda key: (key[0] != "autosft", key)
    )  # so that a duplicate of ours fails, and not ours
    return [found[key] for key in ours_first]


def _entries(distribution: metadata.Distribution) -> list[_Entry]:
    """The entry points of one distribution. `metadata.entry_points` would stop at the first malformed list of any."""
    defect = ""
    points: list[metadata.EntryPoint] = []
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
    except Exception as error:
        defect = f"Its entry_points.txt is not well-formed ({error}); install it again."
    try:
        if not points and not (defect and f"[{GROUP}]" in (distribution.read_text("entry_points.txt") or "")):
            return []
        name, version = str(distribution.metadata["Name"]), str(distribution.version)
        # Python imports from the first place on its path: a second copy further down is shadowed.
        shadowed = str(metadata.distribution(name).locate_file("")) != str(distribution.locate_file(""))
    except Exception:  # no readable metadata: what an interrupted uninstallation left behind
        return []
    if shadowed:
        return []
    if defect:
        return [_Entry(Plugin(name, version, "", "", error=defect), None)]
    return [_Entry(Plugin(name, version, point.name, point.value), point) for point in points]


def _disabled(installed: Iterable[_Entry]) -> set[str]:
    """The names in `AUTOSFT_DISABLE_PLUGINS`, each of a distribution or of an entry point that there is."""
    known = {name: canonical(name) for row, _ in installed for name in (row.distribution, row.name) if name}
    names = [name for name in os.environ.get(DISABLE, "").split(",") if name.strip()]
    for name in names:
        if canonical(name) not in known.values():
            raise UnknownName("plugin", name.strip(), known, f"(in {DISABLE}; it names packages or entry points)")
    return set(map(canonical, names))


def _import(row: Plugin, point: metadata.EntryPoint | None) -> tuple[Plugin, object]:
    started = time.perf_counter()
    with blame(f"Importing {row.module if point else row.distribution}"):
        plugin = point.load() if point else import_module(row)
        api = getattr(plugin, "autosft_api", None)
    seconds = time.perf_counter() - started
    return replace(row, api=api if isinstance(api, int) else None, seconds=seconds), plugin


def _check_api(row: Plugin) -> None:
    if row.api is None:
        raise PluginBroken(f"{row.module} states no API version; add the line `autosft_api = {API_VERSION}` to it.")
    if row.api != API_VERSION:
        older = "autosft" if row.api > API_VERSION else row.distribution
        raise PluginBroken(
            f"{row.module} is made for API {row.api} of AutoSFT, not for {API_VERSION}; install a newer {older}."
        )


def _check_new(offered: dict[Key, Any], owners: dict[Key, str]) -> None:
    """Names are unique within a kind, and among all whose parameters lie in a recipe under their names."""
    taken = {key: f"{key[0]} of {owner}" for key, owner in owners.items()}
    for kind, name in _names(offered):
        if kind in IN_RECIPES and name in RESERVED:
            raise PluginBroken(f"Its {kind} is named {name!r}, which means something else in a recipe; rename it.")
        kinds = IN_RECIPES if kind in IN_RECIPES else (kind,)
        if other := next((taken[one, name] for one in kinds if (one, name) in taken), None):
            raise PluginBroken(
                f"Its {kind} {name!r} has the name of the {other}; rename it, or disable one of the two with "
                "AUTOSFT_DISABLE_PLUGINS."
            )
        taken[kind, name] = f"{kind} beside it"


def _names(offered: dict[Key, Any]) -> list[Key]:
    """The kinds and names of parts, and of the metrics that problems bring themselves."""
    own = [
        ("metric", f"{name}.{one}")
        for (kind, name), part in offered.items()
        if kind == "problem"
        for one in part.metrics
    ]
    return [*offered, *own]


def canonical(name: str) -> str:
    """The name of a distribution as all spellings of it are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()

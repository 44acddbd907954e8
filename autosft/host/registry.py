"""`Registry`: the parts that are at hand, and `Plugin`: one row per entry point, loaded or not.

It answers who offers a part, and says what to do where nobody does. It knows neither entry points nor pluggy:
`loading` fills it, and a test may fill it by hand.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any, Literal, TypeVar

from autosft.contracts.backbone import BackboneFamily, WeightSource
from autosft.contracts.executor import Executor
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.record import Epoch, Record
from autosft.contracts.section import ReportSection
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Task
from autosft.errors import AutoSFTError, PartMissing

_Part = TypeVar("_Part")
_log = logging.getLogger("autosft.host")

NAMED = "-p"
"""In the place of the name of an entry point: the module was named by the user, and is not installed as a plugin."""

DIGITS = 12
"""So much of a sha256 is shown."""


@dataclass(frozen=True)
class Plugin:
    """One entry point, or one module that the user named, and what became of it.

    Attributes:
        distribution: The installed distribution that names it; of a module the name of its file, or its own.
        version: The version of that distribution; of a module `"sha256:"` and that of its file.
        name: The name of the entry point; `NAMED` for a module.
        module: Where the entry point leads; the path of a file.
        api: The API version that the plugin states; None if it was not imported or states none.
        status: `"failed"` and `"disabled"` plugins contribute nothing.
        parts: What it offers, such as `"strategy probe"`, and what it observes.
        seconds: How long the import took.
        error: Why it failed, in one line.
    """

    distribution: str
    version: str
    name: str
    module: str
    api: int | None = None
    status: Literal["ok", "failed", "disabled"] = "ok"
    parts: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def title(self) -> str:
        """The plugin in one phrase, for messages."""
        entry = f" ({self.name})" if self.name else ""
        return f"{self.distribution} {shown_version(self.version)}{entry}"


@dataclass(frozen=True)
class Observer:
    """The observing hooks of one plugin; `plugin` is its title."""

    plugin: str
    epoch_finished: Callable[..., Any] | None = None
    trial_finished: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Registry:
    """Every part at hand.

    Attributes:
        modalities, problems, strategies, executors, sections: Parts by name.
        backbones: Families by prefix.
        weights: Sources of weights, in the order in which they are asked.
        plugins: One row per plugin, in the order of loading.
        observers: Those who wish to hear of epochs and trials.
    """

    modalities: Mapping[str, Modality] = field(default_factory=dict[str, Modality])
    backbones: Mapping[str, BackboneFamily] = field(default_factory=dict[str, BackboneFamily])
    problems: Mapping[str, Problem] = field(default_factory=dict[str, Problem])
    strategies: Mapping[str, Strategy] = field(default_factory=dict[str, Strategy])
    executors: Mapping[str, Executor] = field(default_factory=dict[str, Executor])
    sections: Mapping[str, ReportSection] = field(default_factory=dict[str, ReportSection])
    weights: tuple[WeightSource, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    observers: tuple[Observer, ...] = ()
    _dropped: set[str] = field(default_factory=set[str], init=False, repr=False, compare=False)

    @property
    def named_modules(self) -> tuple[str, ...]:
        """The modules that the user named, as files or by name."""
        return tuple(plugin.module for plugin in self.plugins if plugin.name == NAMED)

    def modality(self, name: str) -> Modality:
        """The modality of this name.

        Raises:
            PartMissing: No loaded plugin offers it.
        """
        return self._find("modality", name, self.modalities)

    def family(self, name: str) -> BackboneFamily:
        """The family of a backbone such as `"timm/resnet18.a1_in1k"`, or of a bare prefix.

        Raises:
            PartMissing: No loaded plugin offers it.
        """
        return self._find("backbone", name.partition("/")[0], self.backbones)

    def problem(self, name: str) -> Problem:
        """The problem of this name.

        Raises:
            PartMissing: No loaded plugin offers it.
        """
        return self._find("problem", name, self.problems)

    def problems_of(self, task: Task) -> tuple[Problem, ...]:
        """The problem of each target of a task, in their order.

        Raises:
            PartMissing: No loaded plugin offers one of them.
        """
        return tuple(self.problem(target.problem) for target in task.targets)

    def strategy(self, name: str) -> Strategy:
        """The strategy of this name.

        Raises:
            PartMissing: No loaded plugin offers it.
        """
        return self._find("strategy", name, self.strategies)

    def executor(self, name: str) -> Executor:
        """The executor of this name.

        Raises:
            PartMissing: No loaded plugin offers it.
        """
        return self._find("executor", name, self.executors)

    def distributions(self, parts: Container[str]) -> dict[str, str]:
        """The distributions that bring any of these parts, such as `"strategy probe"`, with their versions."""
        return {
            plugin.distribution: plugin.version
            for plugin in self.plugins
            if plugin.status == "ok" and any(part in parts for part in plugin.parts)
        }

    def epoch_finished(self, task: Task, run: Path, trial: int, epoch: Epoch) -> None:
        """Tell every observer of an epoch; `run` is the run's folder. Never raises for an observer's error."""
        for observer in self.observers:
            self._tell(observer, observer.epoch_finished, task=task, run=run, trial=trial, epoch=epoch)

    def trial_finished(self, task: Task, run: Path, record: Record) -> None:
        """Tell every observer of a trial's outcome. Never raises for an observer's error."""
        for observer in self.observers:
            self._tell(observer, observer.trial_finished, task=task, run=run, record=record)

    def _tell(self, observer: Observer, hook: Callable[..., Any] | None, **values: Any) -> None:
        if hook is None or observer.plugin in self._dropped:
            return
        try:
            hook(**values)
        except AutoSFTError as error:
            self._dropped.add(observer.plugin)
            _log.warning("The observer of %s will not be called again: %s", observer.plugin, error)
        except (Exception, SystemExit):
            self._dropped.add(observer.plugin)
            _log.warning("The observer of %s raised and will not be called again.", observer.plugin, exc_info=True)

    def _find(self, kind: str, name: str, parts: Mapping[str, _Part]) -> _Part:
        if name in parts:
            return parts[name]
        raise PartMissing(_advice(kind, name, parts, self.plugins))


def shown_version(version: str) -> str:
    """A version for a person; of a sha256 as much as tells two apart."""
    return version[: len("sha256:") + DIGITS] if version.startswith("sha256:") else version


def _advice(kind: str, name: str, known: Mapping[str, Any], plugins: tuple[Plugin, ...]) -> str:
    """What is missing, what was perhaps meant, what to install, and which broken plugin might have had it."""
    lines = [f"No plugin offers the {kind} {name!r}."]
    if near := difflib.get_close_matches(name, known, n=1, cutoff=0.5):
        lines.append(f"Did you mean {near[0]!r}?")
    if known:
        lines.append(f"Known: {', '.join(sorted(known))}.")
    extras = _extras_without({plugin.distribution for plugin in plugins})
    if "all" in extras and not near:
        extra = name if kind == "modality" and name in extras else "all"
        lines.append(f'`pip install "autosft[{extra}]"` brings more.')
    for plugin in plugins:
        if plugin.status == "failed":
            lines.append(f"It might be in {plugin.title}, which did not load: {plugin.error}")
        elif plugin.status == "disabled":
            lines.append(f"It might be in {plugin.title}, which AUTOSFT_DISABLE_PLUGINS disables.")
    return " ".join([*lines, "`autosft plugins` lists all parts."])


def _extras_without(installed: Container[str]) -> set[str]:
    """The extras of AutoSFT that would bring plugins which are not installed, by what its own metadata says."""
    try:
        needed = requires("autosft") or ()
    except PackageNotFoundError:  # it is not installed, but lies on the path
        needed = ()
    found: set[str] = set()
    for line in needed:
        package, _, marker = line.partition(";")
        name, extra = re.match(r"[\w.-]+", package), re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        if name and extra and name[0].startswith("autosft-") and name[0] not in installed:
            found.add(extra[1])
    return found

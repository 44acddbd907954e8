"""What the shell offers where an option takes a name: the installed parts, and their metrics. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator

from autosft.host.loading import load


def modalities(incomplete: str) -> list[str]:
    """Installed modalities."""
    return _beginning(iter(load().modalities), incomplete)


def problems(incomplete: str) -> list[str]:
    """Installed problems."""
    return _beginning(iter(load().problems), incomplete)


def metrics(incomplete: str) -> list[str]:
    """Metrics of all problems."""
    return _beginning((name for problem in load().problems.values() for name in problem.metrics), incomplete)


def strategies(incomplete: str) -> list[str]:
    """Strategies, of which several stand together with commas between them."""
    return _after_comma(iter(load().strategies), incomplete)


def backbones(incomplete: str) -> list[str]:
    """Curated backbones, of which several stand together with commas between them."""
    names = (info.name for family in load().backbones.values() for info in family.curated())
    return _after_comma(names, incomplete)


def settings(incomplete: str) -> list[str]:
    """Parameters as `--set` takes them."""
    from autosft.runs.parameters import parameters_of, parts_of

    registry = load()
    return _beginning((f"{name}=" for part in parts_of(registry) for name in parameters_of(registry, part)), incomplete)


def parts(incomplete: str) -> list[str]:
    """Parts that may have parameters, and the tables of shared ones."""
    from autosft.runs.parameters import parts_of

    return _beginning(iter(parts_of(load())), incomplete)


def executors(incomplete: str) -> list[str]:
    """Installed executors."""
    return _beginning(iter(load().executors), incomplete)


def _beginning(names: Iterator[str], with_: str) -> list[str]:
    return sorted({name for name in names if name.startswith(with_)})


def _after_comma(names: Iterator[str], incomplete: str) -> list[str]:
    before, comma, begun = incomplete.rpartition(",")
    return [before + comma + name for name in _beginning(names, begun)]

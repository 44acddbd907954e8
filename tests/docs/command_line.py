"""Whether a command can be typed: its options exist, its values parse, and its names are those of installed parts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pages import Command
from places import ROOT
from typer.main import get_command

from autosft.cli import app
from autosft.host.loading import load
from autosft.runs.spec import SearchSpec, parse_seconds

SPEC = ("seed", "device", "precision", "workers", "processes_per_trial", "disk")


def parse(command: Command) -> dict[str, Any]:
    """What the command line makes of a command of `autosft`; it raises what a user would be told."""
    found, words = get_command(app), list(command.words[1:])
    name = "autosft"
    while words and words[0] in getattr(found, "commands", {}):
        name, *words = words
        found = found.commands[name]
    assert not getattr(found, "commands", {}) or all(word.startswith("-") for word in words), f"no command {words[0]!r}"
    values = dict(found.make_context(name, words).params)
    if name == "search":
        _check_limits(values)
    return values


def _check_limits(values: dict[str, Any]) -> None:
    if values["budget"].lower() != "none":
        parse_seconds(values["budget"])
    SearchSpec.parse({name: values[name] for name in SPEC}, "The settings on the page")


def check_names(values: dict[str, Any]) -> None:
    """Every part and metric that a search names is installed."""
    registry = load()
    known = {
        "strategies": registry.strategies,
        "modality": registry.modalities,
        "problem": registry.problems,
        "executor": registry.executors,
        "metric": {metric for problem in registry.problems.values() for metric in problem.metrics},
    }
    for option, names in known.items():
        for name in filter(None, values.get(option, "").split(",")):
            assert name in names, f"--{option} {name}: {sorted(names)}"


def check_packages(command: Command) -> None:
    """Every package of ours that a page has installed is one, and so is every extra."""
    ours = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")} | {"autosft"}
    extras = set(re.findall(r"^(\w+) = \[", _section("project.optional-dependencies"), re.MULTILINE))
    for word in command.words[2:]:
        if found := re.fullmatch(r"(autosft[\w-]*)(?:\[([\w,]+)\])?", word):
            assert found[1] in ours, word
            assert set((found[2] or "").split(",")) - {""} <= extras, word
        elif word.startswith("plugins/"):
            assert (ROOT / word).is_dir(), word


def _section(name: str) -> str:
    text = (ROOT / Path("pyproject.toml")).read_text()
    return text.partition(f"[{name}]\n")[2].partition("\n[")[0]

"""What the documentation lists is what there is."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path

import griffe
import numpy as np
import pytest
import typer

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.cli import app
from autosft.host import hookspecs

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
API = DOCS / "reference" / "api"
PUBLIC = ("autosft", "autosft.api", "autosft.api.inputs", "autosft.api.tensors", "autosft.api.weights")
TESTING = "autosft.testing.conformance"
RENDERED = [name for page in sorted(API.glob("*.md")) for name in re.findall(r"^::: (\S+)", page.read_text(), re.M)]
VARIABLE = re.compile(r"AUTOSFT_[A-Z_]+[A-Z]")
OPTION = re.compile(r"options(?:\.get\(|\[)\"(\w+)\"")


@pytest.fixture(scope="module")
def package():
    return griffe.load("autosft", search_paths=[ROOT], resolve_aliases=True)


@pytest.mark.parametrize("problem", [Classification(), MultiLabel(), Regression()], ids=lambda problem: problem.name)
def test_the_page_of_metrics_lists_each_with_what_it_is(problem):
    page = (DOCS / "reference" / "metrics.md").read_text()
    section = page.split(f"## {problem.name}\n")[1].split("\n## ")[0]

    listed = [line for line in section.splitlines() if line.startswith("| `") and "--metric" not in line]
    assert listed == [f"| `{name}` | {metric.about} |" for name, metric in problem.metrics.items()]


@pytest.mark.parametrize("module", [*PUBLIC, TESTING])
def test_the_reference_has_every_public_name_once(module, package):
    """Under whichever of its public names: `autosft.Task` is `autosft.api.Task`."""
    shown = Counter(_found(package, name).canonical_path for name in RENDERED)
    public = [_found(package, f"{module}.{name}").canonical_path for name in importlib.import_module(module).__all__]

    assert [name for name in public if shown[name] != 1] == []


def test_the_reference_has_every_hook():
    hooks = {f"autosft.host.hookspecs.{name}" for name in vars(hookspecs) if name.startswith("autosft_")}

    assert hooks == {name for name in RENDERED if name.startswith("autosft.host.hookspecs.")}


@pytest.mark.parametrize("name", RENDERED)
def test_what_the_reference_shows_has_a_docstring_with_all_that_is_public_in_it(name, package):
    """An attribute is described where it stands, or under "Attributes" of its class; a test by its name."""
    shown = _found(package, name)
    assert shown.docstring, name
    if shown.is_class:
        told = _described(shown)
        silent = [
            member.name
            for member in shown.members.values()
            if not (member.docstring or member.name in told or member.name.startswith(("_", "test_")))
        ]
        assert silent == []


def test_every_environment_variable_is_on_its_page():
    page = set(VARIABLE.findall((DOCS / "reference" / "environment.md").read_text()))
    code = [*(ROOT / "autosft").rglob("*.py"), *(ROOT / "plugins").glob("*/autosft_*/**/*.py")]
    read = {name for path in code for name in VARIABLE.findall(path.read_text())}

    assert page == read


@pytest.mark.parametrize(("plugin", "modality"), [("image", "ImageModality"), ("audio", "AudioModality")])
def test_every_option_of_inputs_is_described(plugin, modality):
    folder = ROOT / "plugins" / f"autosft-{plugin}"
    seen = griffe.load(f"autosft_{plugin}.modality", search_paths=[folder])[modality].docstring.value
    views = [folder / f"autosft_{plugin}" / name for name in ("modality.py", "views.py", "pictures.py")]
    read = {name for path in views if path.exists() for name in OPTION.findall(path.read_text())}

    assert read == set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^- ([^:]+):", seen, re.M))))


def test_every_command_and_every_option_says_what_it_is():
    silent = [
        " ".join([*path, getattr(one, "name", "")])
        for path, command in _commands(typer.main.get_command(app), ("autosft",))
        for one in (command, *command.params)
        if not one.help and not getattr(one, "hidden", False)
    ]
    assert silent == []


def _found(package, name):
    """What a dotted name stands for, by whatever way it was imported."""
    found = package if name == package.path else package[name.removeprefix(f"{package.path}.")]
    return found.final_target if found.is_alias else found


def _described(shown):
    """The names that the docstring of a class describes."""
    sections = shown.docstring.parse("google")
    kinds = (griffe.DocstringSectionKind.attributes, griffe.DocstringSectionKind.parameters)
    return {entry.name for section in sections if section.kind in kinds for entry in section.value}


def _commands(command, path):
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _commands(inner, (*path, name))


def test_the_metric_that_the_page_of_metrics_adds_is_one():
    module = {}
    page = (DOCS / "reference" / "metrics.md").read_text()
    exec(re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1], module)
    (metric,) = module["autosft_metrics"]()

    problem = Classification().with_metrics([metric])
    compared = {"truth": np.array([0, 1, 1, 1]), "answered": np.array([0, 1, 1, 0])}
    assert problem.metric("f2_macro").score(compared) == pytest.approx((5 / 6 + 10 / 14) / 2)

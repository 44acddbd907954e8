"""Real distributions on disk, each with one small plugin, and a child process that sees them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autosft.testing.toy import all_but

ROOT = Path(__file__).parents[2]
FIRST_PARTY = ("autosft", *all_but().split(","))

PLUGIN = """\
from autosft.contracts.strategy import Strategy
from autosft.host.hookspecs import hookimpl

autosft_api = 2


class Given(Strategy):
    name = "{strategy}"


@hookimpl
def autosft_strategies():
    return [Given()]
"""


def write(folder, name, *, strategy="", source="", entry="plugin", listing=""):
    """A distribution with a package and metadata, as an installer would have left it.

    Its plugin offers one strategy, unless `source` replaces it.
    """
    package = name.replace("-", "_")
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text("")
    (folder / package / "plugin.py").write_text(textwrap.dedent(source) or PLUGIN.format(strategy=strategy or name))
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(listing or f"[autosft]\n{entry} = {package}.plugin\n")
    (info / "RECORD").write_text(f"{package}/__init__.py,,\n{package}/plugin.py,,\n")


@pytest.fixture
def distributions(tmp_path, monkeypatch):
    """A function that writes a distribution where this process finds it. First-party plugins are left out, so that
    a test sees only its own, whether or not they are installed."""
    monkeypatch.setenv("AUTOSFT_DISABLE_PLUGINS", ",".join(FIRST_PARTY))
    monkeypatch.delenv("AUTOSFT_STRICT_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def add(name, *, folder=tmp_path, **options):
        write(folder, name, **options)
        importlib.invalidate_caches()

    yield add
    for name in set(sys.modules) - before:  # the same names are written anew by the next test
        if name.partition(".")[0].startswith("stranger_"):
            del sys.modules[name]


@pytest.fixture
def child():
    """A function that runs Python code in a process whose path begins with the given folders."""

    def run(code, *folders, **environment):
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("AUTOSFT_", "PYTHON"))}
        path = os.pathsep.join(map(str, (*folders, ROOT)))
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=kept | {"PYTHONPATH": path} | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def rows():
    """A function that gives the rows of a registry by distribution, without first-party ones."""

    def pick(registry):
        return {row.distribution: row for row in registry.plugins if row.distribution not in FIRST_PARTY}

    return pick

"""What each distribution drags into an environment."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml"))

LIBRARIES = {"timm", "torchvision", "pillow", "transformers", "tokenizers", "soundfile"}
"""What one modality needs and another does not."""

OWN = {
    "autosft-audio": {"transformers", "tokenizers", "soundfile"},
    "autosft-image": {"timm", "torchvision", "pillow"},
    "autosft-mlflow": set(),
    "autosft-pretraining": set(),
    "autosft-semisupervised": set(),
    "autosft-strategies": set(),
    "autosft-tensorboard": {"pillow"},
    "autosft-text": {"transformers", "tokenizers"},
}
NEVER = {"torchaudio", "sentence-transformers", "accelerate", "pandas", "peft"}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(distribution):
    """All that pip would install with a distribution, by the metadata of what is installed here."""
    found, open_ones = set(), [normal(distribution)]
    while open_ones:
        name = open_ones.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needs = map(Requirement, metadata.requires(name) or ())
        except metadata.PackageNotFoundError:  # for another platform
            continue
        open_ones += [normal(need.name) for need in needs if not need.marker or need.marker.evaluate({"extra": ""})]
    return found


def test_every_plugin_is_looked_at():
    assert set(OWN) == set(PLUGINS)


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_plugin_brings_its_own_libraries_and_no_others(name):
    brought = closure("autosft") | closure(name)
    assert {"torch", "optuna"} <= brought
    assert brought & LIBRARIES == OWN[name]
    assert not brought & NEVER


@pytest.mark.parametrize("name", sorted(OWN))
def test_every_module_of_a_plugin_can_be_imported_without_the_libraries_of_others(name):
    package = name.replace("-", "_")
    others = LIBRARIES - OWN[name] - {"pillow"} | ({"PIL"} if "pillow" not in OWN[name] else set())
    modules = [module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__)]
    code = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({sorted(others)!r}))\n"  # None stands for what is not installed
        f"for name in {modules!r}: importlib.import_module('{package}.' + name)"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pip_itself_would_install_no_more_with_the_text_plugin(tmp_path):
    report = tmp_path / "report.json"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--dry-run",
        "--ignore-installed",
        "--report",
        str(report),
    ]
    done = subprocess.run([*command, str(ROOT), str(ROOT / "plugins" / "autosft-text")], capture_output=True, text=True)
    if done.returncode and ("ConnectionError" in done.stderr or "No matching distribution" in done.stderr):
        pytest.skip(f"no index of packages can be asked: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    brought = {normal(entry["metadata"]["name"]) for entry in json.loads(report.read_text())["install"]}
    assert {"autosft", "autosft-text", "torch", "transformers"} <= brought
    assert brought & LIBRARIES == OWN["autosft-text"] and not brought & NEVER

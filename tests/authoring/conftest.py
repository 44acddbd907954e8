"""A fresh virtual environment over the packages of this one, in which plugins are installed as their users would."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from pathlib import Path

import pytest


class Environment:
    """A virtual environment that sees what is installed here, and what is installed into it."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        below = [f"import site; site.addsitedir({place!r})" for place in site.getsitepackages()]
        (packages / "below.pth").write_text("\n".join(below) + "\n")
        self.python = folder / "bin" / "python"

    def install(self, *projects: Path) -> None:
        """Install projects as `pip install -e` does, without asking an index for anything."""
        options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
        pip = [self.python, "-m", "pip", "install", *options]
        subprocess.run([*pip, *(part for project in projects for part in ("-e", project))], check=True)

    def run(self, *arguments: object, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a module of Python's; its output in `stdout`."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "FORCE_COLOR"))}
        return subprocess.run(
            [self.python, "-m", *map(str, arguments)],
            cwd=cwd,
            env={**kept, "HF_HUB_OFFLINE": "1", "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("environment"))

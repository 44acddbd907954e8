"""`autosft plugins new` writes packages whose tests pass at once, and refuses what cannot be one in a line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autosft.cli.plugins import app
from autosft.errors import BadInput
from autosft.testing.scaffold import KINDS, write_package


def name_of(kind):
    return f"autosft-brand-new-{kind}"


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """One of each kind."""
    return [write_package(name_of(kind), kind, tmp_path_factory.mktemp(kind)) for kind in KINDS]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tests_of_every_kind_pass_at_once(packages, environment, tmp_path):
    environment.install(*packages)
    done = environment.run("pytest", "-q", *(folder / "tests" for folder in packages), cwd=tmp_path, timeout=580)
    assert done.returncode == 0, done.stdout
    listed = environment.run("autosft", "plugins", cwd=tmp_path).stdout
    assert all(name_of(kind) in listed for kind in KINDS) and "did not load" not in listed


@pytest.mark.parametrize("name", ["q", "quite-a-long-name-for-a-plugin"])
def test_what_is_written_is_formatted_and_sound(name, tmp_path):
    folders = [write_package(name, kind, tmp_path / kind) for kind in KINDS]
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    for check in (["format", "--check"], ["check", "--select", "E,F,W,I,UP,B,C4,SIM,PTH", "--ignore", "B008"]):
        done = subprocess.run([ruff, *check, "--no-cache", *folders], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_it_can_be_read_without_a_trace_of_the_template(packages):
    for folder in packages:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {"pyproject.toml", "README.md", "plugin.py", "py.typed"} <= {path.name for path in files}
        assert not [path for path in files if "{" + "{" in path.read_text() or path.suffix == ".jinja"]


def test_the_command_says_what_to_do_next(tmp_path):
    done = CliRunner().invoke(app, ["new", "my-way", "--kind", "strategy", "--into", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "my-way" / "my_way" / "strategy.py").is_file()
    assert "pip install -e" in done.stdout and "autosft plugins check my-way" in done.stdout


@pytest.mark.parametrize("name", ["", "My-Way", "my_way", "-way", "1way", "a/b", "../up", "w" * 31, "torch", "class"])
def test_a_name_that_no_package_can_have_is_refused_in_one_line(name, tmp_path):
    with pytest.raises(BadInput, match="cannot be the name of a plugin") as refused:
        write_package(name, "strategy", tmp_path)
    assert "\n" not in str(refused.value) and not list(tmp_path.iterdir())


def test_a_folder_that_exists_stays_as_it_is(tmp_path):
    (tmp_path / "my-way").mkdir()
    with pytest.raises(BadInput, match="exists already"):
        write_package("my-way", "strategy", tmp_path)
    assert not list((tmp_path / "my-way").iterdir())


def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(BadInput, match="Did you mean 'strategy'"):
        write_package("my-way", "stategy", tmp_path)

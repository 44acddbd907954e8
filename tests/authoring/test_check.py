"""`autosft plugins check` reviews an installed package: what is kept, what is broken and why, what was not asked."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from autosft.cli.plugins import app
from autosft.errors import UnknownName
from autosft.testing.scaffold import write_package


@pytest.fixture
def installed(environment, tmp_path):
    """A function that writes a package, changes a word in one of its files, installs it and has it reviewed."""

    def check(name, kind, *options, file="", old="", new=""):
        folder = write_package(name, kind, tmp_path)
        if file:
            path = folder / name.replace("-", "_") / file
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))
        environment.install(folder)
        try:
            return environment.run("autosft", "plugins", "check", name, *options, cwd=tmp_path)
        finally:
            environment.run("pip", "uninstall", "--quiet", "--yes", name, cwd=tmp_path)

    return check


@pytest.mark.slow
def test_a_problem_that_keeps_its_promises_is_told_so(installed):
    done = installed("sound-counts", "problem")
    assert done.returncode == 0, done.stdout
    assert "sound-counts 0.1.0" in done.stdout and "problem sound-counts" in done.stdout
    assert "  kept         each row has a loss of its own" in done.stdout
    assert ", 0 broken, 0 not checked." in done.stdout


@pytest.mark.slow
def test_a_broken_promise_is_named_with_its_reason_and_the_exit_code_is_1(installed):
    old = 'return outputs.arrays["rates"].tolist()'
    done = installed("short-counts", "problem", file="problem.py", old=old, new=old + "[1:]")
    assert done.returncode == 1, done.stdout
    assert "  BROKEN       answers are decided and scored: assert 7 == 8" in done.stdout
    assert ", 1 broken," in done.stdout and "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_modality_is_asked_for_its_data_and_checked_with_it(installed, tmp_path):
    done = installed("bare-numbers", "modality")
    assert done.returncode == 0, done.stdout
    assert "not checked  rows are unique and stable: it needs data for the modality bare-numbers" in done.stdout
    assert "kept         it has a name and kinds" in done.stdout

    for number in range(8):
        path = tmp_path / "data" / ("low" if number % 2 else "high") / f"{number}.numbers"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number} {number / 2} {number**0.5}")
    done = installed("full-numbers", "modality", "--data", tmp_path / "data")
    assert done.returncode == 0, done.stdout
    assert "kept         rows are unique and stable" in done.stdout


@pytest.mark.slow
def test_a_plugin_for_another_api_is_broken_with_the_host_s_reason(installed):
    done = installed("late-source", "weights", file="plugin.py", old="autosft_api = 1", new="autosft_api = 2")
    assert done.returncode == 1, done.stdout
    assert "is made for API 2 of AutoSFT, not for 1; install a newer autosft." in done.stdout


def test_an_unknown_package_is_refused_with_the_nearest():
    done = CliRunner().invoke(app, ["check", "autosft-strategy"])
    assert isinstance(done.exception, UnknownName)
    assert "Did you mean 'autosft-strategies'?" in str(done.exception)

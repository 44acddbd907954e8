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
def test_a_broken_promise_is_named_with_its_reason_and_the_exit_code_is_1(installed):
    old = 'return outputs.arrays["rates"].tolist()'
    done = installed("short-counts", "problem", file="problem.py", old=old, new=old + "[1:]")
    assert done.returncode == 1, done.stdout
    assert "  BROKEN       answers are decided and scored: assert 7 == 8" in done.stdout
    assert "short-counts 0.1.0" in done.stdout and "problem short-counts" in done.stdout
    assert "  kept         each row has a loss of its own" in done.stdout
    assert ", 1 broken," in done.stdout and "Traceback" not in done.stdout


@pytest.mark.slow
def test_what_needs_data_that_is_not_at_hand_is_not_checked_and_says_so(installed):
    done = installed("bare-numbers", "modality")
    assert done.returncode == 0, done.stdout
    assert "not checked  rows are unique and stable: it needs data for the modality bare-numbers" in done.stdout
    assert "kept         it has a name and kinds" in done.stdout


@pytest.mark.slow
def test_a_plugin_for_another_api_is_broken_with_the_host_s_reason(installed):
    done = installed("late-source", "weights", file="plugin.py", old="autosft_api = 2", new="autosft_api = 3")
    assert done.returncode == 1, done.stdout
    assert "is made for API 3 of AutoSFT, not for 2; install a newer autosft." in done.stdout


def test_an_unknown_package_is_refused_with_the_nearest():
    done = CliRunner().invoke(app, ["check", "autosft-strategy"])
    assert isinstance(done.exception, UnknownName)
    assert "Did you mean 'autosft-strategies'?" in str(done.exception)


def test_an_observer_has_no_promise_but_its_signature():
    done = CliRunner().invoke(app, ["check", "autosft-tensorboard"])
    assert done.exit_code == 0, done.output
    assert "observer trial_finished\n  kept         its hook has the right signature" in done.stdout

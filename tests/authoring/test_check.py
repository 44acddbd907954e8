"""`autosft plugins check` reviews an installed package: what passed, what failed and why, what was skipped."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from autosft.cli.plugins import app
from autosft.errors import BadInput, UnknownName
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
def test_a_failed_check_is_named_with_its_reason_and_the_exit_code_is_1(installed):
    old = 'return outputs.arrays["rates"].tolist()'
    done = installed("short-counts", "problem", file="problem.py", old=old, new=old + "[1:]")
    assert done.returncode == 1, done.stdout
    assert re.search(r"  answers are decided and scored \(default\) \.+ FAILED \d+\.\d s: assert 7 == 8", done.stdout)
    assert re.search(r"^problem short-counts: .*: assert 7 == 8$", done.stdout, re.MULTILINE)
    assert "short-counts 0.1.0" in done.stdout and "problem short-counts" in done.stdout
    assert re.search(r"  each row has a loss of its own.* \.* ?passed \d", done.stdout)
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_what_needs_data_that_is_not_at_hand_is_skipped_and_says_so(installed):
    done = installed("bare-numbers", "modality")
    assert done.returncode == 0, done.stdout
    assert re.search(r"rows are unique and stable \.+ skipped.*: it needs data for the modality bare-", done.stdout)
    assert re.search(r"it has a name and kinds \.+ passed", done.stdout)


@pytest.mark.slow
def test_a_plugin_for_another_api_fails_with_the_host_s_reason(installed):
    done = installed("late-source", "weights", file="plugin.py", old="autosft_api = 2", new="autosft_api = 3")
    assert done.returncode == 1, done.stdout
    assert "is made for API 3 of AutoSFT, not for 2; install a newer autosft." in done.stdout


def test_an_unknown_package_is_refused_with_the_nearest():
    done = CliRunner().invoke(app, ["check", "autosft-strategy"])
    assert isinstance(done.exception, UnknownName)
    assert "Did you mean 'autosft-strategies'?" in str(done.exception)


def test_an_observer_has_no_check_but_its_signature():
    done = CliRunner().invoke(app, ["check", "autosft-tensorboard"])
    assert done.exit_code == 0, done.output
    assert re.search(r"observer trial_finished\n  its hook has the right signature \.+ passed", done.stdout)


SOURCE = """
from autosft.api import WeightSource, hookimpl

autosft_api = 2


class Shelf(WeightSource):
    name = "shelf"
    order = 5

    def find(self, info):
        return None


@hookimpl
def autosft_weights():
    return [Shelf()]
"""


@pytest.mark.slow
def test_a_file_is_checked_without_being_installed(tmp_path):
    (tmp_path / "shelf_source.py").write_text(SOURCE)
    command = [sys.executable, "-m", "autosft", "plugins", "check", "-p", "shelf_source.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("shelf_source.py sha256:")
    assert re.search(r"weights shelf\n  it has a name and an order \.+ passed", done.stdout)
    assert re.search(r"what it finds it brings \.+ skipped.* with --backbone\n", done.stdout)
    assert done.stdout.endswith("\n6 passed, 0 failed, 1 skipped.\n")


def test_without_a_package_or_a_file_there_is_nothing_to_check():
    done = CliRunner().invoke(app, ["check"])
    assert isinstance(done.exception, BadInput) and "Say what to check" in str(done.exception)


BALANCE = "rows are drawn in balance where balance means something"


def spoiled(installed, name, line, *options):
    """The review of counts whose `sampling_weights` do something else, which one check asks for, and the line of that
    check."""
    old = "    def describe(self, state: State)"
    new = f"    def sampling_weights(self, targets: Sequence[Any], state: State) -> Any:\n        {line}\n\n{old}"
    done = installed(name, "problem", *options, file="problem.py", old=old, new=new)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"  {BALANCE}")]
    assert re.search(r"it has a name needs and metrics \.+ passed", done.stdout)
    return done, line


@pytest.mark.slow
def test_a_check_that_does_not_end_is_ended_and_named_and_the_others_go_on(installed):
    done, line = spoiled(installed, "endless-counts", "while True: pass", "--timeout", "15s")
    why = "it did not end within 15 seconds"
    assert done.returncode == 1 and "FAILED 15." in line and why in line
    assert re.search(r"a lower loss is a higher score.* \.+ passed", done.stdout)
    assert done.stdout.splitlines()[-1].startswith(f"problem endless-counts: {BALANCE} (default): {why}")


@pytest.mark.slow
def test_a_check_whose_process_dies_is_named_and_the_others_go_on(installed):
    done, line = spoiled(installed, "deadly-counts", "__import__('os')._exit(3)")
    assert done.returncode == 1 and "FAILED: its process ended with the exit code 3" in line
    assert re.search(r"a lower loss is a higher score.* \.+ passed", done.stdout)


@pytest.mark.slow
def test_when_the_time_for_all_is_up_the_rest_is_skipped(installed):
    done, line = spoiled(installed, "endless-counts", "while True: pass", "--budget", "45s")
    assert done.returncode == 0 and "skipped: the time for all checks was up; give more with --budget" in line


FAMILY = """
from autosft.api import BackboneFamily, BackboneInfo, BadWeights, Choice, Inputs, hookimpl

autosft_api = 2


class Sums(BackboneFamily):
    prefix = "sums"
    space = {"width": Choice((4, 2), doc="how many sums there are")}

    def curated(self):
        return [BackboneInfo(name="sums/few", inputs=Inputs(kind="points"), origin="fitted")]

    def match(self, pattern):
        return [info for info in self.curated() if pattern == "few"]

    def build(self, info, recipe, state, weights):
        from autosft.api.tensors import Encoder

        if weights is not None:
            raise BadWeights("sums take no weights")
        width = recipe.of(self.prefix)["width"]

        class SumEncoder(Encoder):
            widths = {"pooled": width}

            def forward(self, inputs):
                return {"pooled": inputs.sum(1, keepdim=True).expand(-1, width)}

        return SumEncoder()


@hookimpl
def autosft_backbones():
    return [Sums()]
"""


def checked(path, text, *options):
    path.write_text(text)
    return CliRunner().invoke(app, ["check", str(path), *options])


def test_a_file_is_checked_by_its_path_with_the_default_of_every_parameter(tmp_path):
    done = checked(tmp_path / "sound_sums.py", FAMILY)
    assert done.exit_code == 0, done.output
    assert re.search(r"^sound_sums\.py sha256:\w+\n\nplugin sound_sums\.py\n", done.stdout)
    assert re.search(r"encoding gives what was announced \.+ passed", done.stdout)
    assert re.search(r"listing it imports nothing heavy \.+ passed", done.stdout)


def test_what_a_part_raises_is_told_with_its_place_and_once_in_the_summary(tmp_path):
    path = tmp_path / "broken_sums.py"
    done = checked(path, FAMILY.replace('["width"]', '["breadth"]'))
    assert done.exit_code == 1
    line = FAMILY.split("\n").index('        width = recipe.of(self.prefix)["width"]') + 1
    why = f"KeyError: 'breadth' ({path}:{line})"
    assert re.search(rf"encoding gives what was announced \.+ FAILED \d+\.\d s: {re.escape(why)}\n", done.stdout)
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(rf"backbone sums: encoding gives .*, and \d more: {re.escape(why)}", last)
    assert re.search(r"failed, \d skipped. --traceback prints the tracebacks\.", done.stdout)


def test_weights_that_a_backbone_ignores_fail_a_check(tmp_path):
    done = checked(tmp_path / "deaf_sums.py", FAMILY.replace("if weights is not None", "if False"))
    assert done.stdout.splitlines()[-1].endswith(
        "build ignores a file of weights that it cannot use; raise BadWeights, also if it takes none"
    )

"""A part in one file is tried and checked as those of packages are; the checks need no more than they must."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from typer.testing import CliRunner

from autosft.builtin.classification import Classification
from autosft.cli import app
from autosft.cli.watch.closing import _next
from autosft.contracts.metric import Metric
from autosft.contracts.section import ReportSection
from autosft.contracts.space import Choice, Space
from autosft.errors import BadInput, PluginBroken
from autosft.testing.conformance import MetricConformance, ProblemConformance, SectionConformance
from autosft.testing.toy import make_points

METRIC = """from autosft.api import Metric, hookimpl

autosft_api = 2


def cost(truth, answered):
    return {cost}


@hookimpl
def autosft_metrics():
    return [Metric("neg_cost", "classification", cost, "the cost", greater_is_better=False, range=(0.0, 1.0))]
"""

STRATEGY = """from autosft.api import hookimpl
from autosft.testing.toy import ToyFamily, ToyModality, ToyStrategy

autosft_api = 2


@hookimpl
def autosft_strategies():
    return [ToyStrategy()]


@hookimpl
def autosft_modalities():
    return [ToyModality()]


@hookimpl
def autosft_backbones():
    return [ToyFamily()]
"""


@pytest.fixture
def write(tmp_path):
    """A function that writes a file with a name of its own, and gives its path."""
    written = []

    def make(name, text):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        written.append(name)
        return str(path)

    yield make
    for name in written:
        sys.modules.pop(name, None)


def test_a_part_in_a_file_is_tried(write, tmp_path):
    points = make_points(tmp_path / "clouds.points.json", rows=40)
    file = write("toys_in_a_file", STRATEGY)
    done = CliRunner().invoke(app, ["plugins", "try", "toy", "--data", str(points), "-p", file])
    assert done.exit_code == 0, done.output
    assert "score        accuracy" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("cost", "code", "said"), [("(truth != answered).mean()", 0, "passed"), ("2.0", 1, "FAILED")])
def test_a_file_is_checked(write, cost, code, said):
    file = write(f"cost_in_a_file_{code}", METRIC.format(cost=cost))
    done = CliRunner().invoke(app, ["plugins", "check", file])
    assert done.exit_code == code, done.output
    assert done.stdout.startswith(f"{Path(file).name} sha256:")
    assert re.search(rf"its scores are within its range \.+ {said}", done.stdout)


def test_a_file_that_is_not_there_is_one_line():
    done = CliRunner().invoke(app, ["plugins", "check", "nowhere.py"])
    assert isinstance(done.exception, PluginBroken) and "nowhere.py: no such file" in str(done.exception)


def test_an_option_that_would_be_lost_is_refused(write):
    done = CliRunner().invoke(app, ["plugins", "-p", write("toys_before", STRATEGY), "show", "toy"])
    assert isinstance(done.exception, BadInput) and str(done.exception) == "Give -p after 'show', not before it."


def test_the_commands_after_a_search_name_its_files_where_they_are_needed():
    lines = str(_next("runs/a", ["predict", "report", "leaderboard"], ["my cost.py"])).splitlines()
    assert "autosft predict runs/a FILES --out answers.csv -p 'my cost.py'" in lines[1]
    assert "autosft report runs/a -p 'my cost.py'" in lines[2]
    assert "-p" not in lines[3]


class Scaled(Classification):
    """Its loss asks for a parameter of its own, as it may."""

    name = "scaled"
    space: ClassVar[Space] = {"by": Choice((1, 2), doc="the loss is multiplied by it")}

    def loss(self, out, targets, state, recipe):
        return super().loss(out, targets, state, recipe) * recipe.of("scaled")["by"]


class TestDefaultsOfItsSpace(ProblemConformance):
    """Without the fixture `recipe`."""

    test_it_has_a_name_needs_and_metrics = None  # its metrics are those of another problem

    @pytest.fixture
    def problem(self):
        return Scaled()

    @pytest.fixture
    def targets(self):
        return ["a", "b", "a", "a", "b", "c", "a", "c"]


class TestMetricAlone(MetricConformance):
    """Without the fixtures `problem` and `targets`."""

    @pytest.fixture
    def metric(self):
        return Metric(
            "mine", "classification", lambda truth, answered: (truth == answered).mean(), "how many are right"
        )


class OfTexts(ReportSection):
    name = "of-texts"

    def accepts(self, answers):
        return "values" in answers.outputs.arrays and all(isinstance(row.ref, str) for row in answers.rows)

    def html(self, answers, show):
        return f"<h3>Texts</h3><p>{sum(len(row.ref) for row in answers.rows)} letters</p>"


class TestSectionOfTexts(SectionConformance):
    """Without the fixture `answers`."""

    @pytest.fixture
    def section(self):
        return OfTexts()

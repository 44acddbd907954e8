"""Proves `autosft_metrics`: a search maximizes a metric that a plugin adds to a problem of others."""

import numpy as np
import pytest
from recall_first import METRICS, f2_macro
from sklearn.metrics import fbeta_score, max_error
from typer.testing import CliRunner

from autosft.builtin.classification import Classification
from autosft.builtin.regression import Regression
from autosft.cli import app
from autosft.contracts.problem import Outputs
from autosft.contracts.task import Task, TaskTarget
from autosft.deploy.predictor import Predictor
from autosft.errors import UnknownName
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.testing.conformance import MetricConformance
from autosft.testing.toy import make_points

F2, MAX_ERROR = METRICS


class TestF2(MetricConformance):
    @pytest.fixture
    def metric(self):
        return F2

    @pytest.fixture
    def problem(self):
        return Classification()

    @pytest.fixture
    def targets(self):
        return ["ant", "bee", "cat", "bee", "ant", "cat", "ant"]


class TestMaxError(MetricConformance):
    @pytest.fixture
    def metric(self):
        return MAX_ERROR

    @pytest.fixture
    def problem(self):
        return Regression()

    @pytest.fixture
    def targets(self):
        return [0.5, 2.0, 1.0, 0.0, 7.5, 2.0]


def test_a_metric_is_scored_with_its_sign_beside_those_of_the_problem():
    problem = Regression().with_metrics([MAX_ERROR])
    truth, values = [1.0, 2.0, 4.0], np.array([[1.5], [2.0], [2.0]])

    state = problem.fit(truth)
    assert problem.score("neg_max_error", Outputs({"values": values}), truth, state) == -max_error(truth, values)
    assert (problem.metric("").name, problem.metric("neg_max_error").highest) == ("r2", 0.0)
    with pytest.raises(UnknownName, match="neg_max_error"):
        Regression().metric("neg_max_error")


def test_where_every_class_counts_balance_is_searched_and_rare_classes_are_preferred_for_it():
    problem, draw = Classification().with_metrics([F2]), np.random.default_rng(0)
    truth = draw.choice(3, 500, p=[0.8, 0.15, 0.05])
    scores = draw.normal(size=(500, 3)) + 1.2 * np.eye(3)[truth] + np.log([0.8, 0.15, 0.05])
    outputs = Outputs({"probabilities": np.exp(scores) / np.exp(scores).sum(1, keepdims=True)})
    targets = [f"c{number}" for number in truth]

    state = problem.fit(targets)
    tuned = problem.tune("f2_macro", outputs, targets, state)
    assert "regular.balance" not in problem.ignores_for("f2_macro")
    scored = [problem.score("f2_macro", outputs, targets, one) for one in (tuned, state)]
    assert scored[0] > scored[1] + 0.02
    assert scored[0] == pytest.approx(f2_macro(targets, problem.decide(outputs, tuned)))


@pytest.mark.slow
def test_a_search_maximizes_it_and_the_command_line_lists_it(install, tmp_path, monkeypatch):
    install("recall_first")
    asked = (TaskTarget(problem="classification", columns="label", metric="f2_macro"),)
    path = make_points(tmp_path / "clouds.points.json", rows=120)
    data, run = Task(name="points", modality="points", data={"file": str(path)}, targets=asked), tmp_path / "run"

    result = run_search(
        data, run=run, strategies=["toy", "probe"], trials=3, budget=None, threads=2, workers=2, device="cpu"
    )

    test = Run.read(run).data.test
    said = Predictor.load(run).predict(list(test.ref))
    expected = fbeta_score(test.target(0), said, beta=2, average="macro", zero_division=0.0)
    assert result.metric == "f2_macro" and result.test == pytest.approx(expected)
    listed = CliRunner().invoke(app, ["metrics", "classification"]).output
    assert "f2_macro" in listed and listed.index("accuracy") < listed.index("f2_macro")

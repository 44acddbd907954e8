"""Proves that a problem needs no classes: searched, reported, bundled with a card, asked, exported and served."""

import csv
import json

import grades
import pytest
from typer.testing import CliRunner

from autosft.cli import app
from autosft.deploy.predictor import Predictor
from autosft.search.driver import run_search
from autosft.testing.conformance import ProblemConformance
from autosft.testing.toy import make_points
from autosft.testing.trials import points_task

LETTERS = {"a": "1", "b": "2", "c": "3"}


class TestGrades(ProblemConformance):
    @pytest.fixture
    def problem(self):
        return grades.Grades()

    @pytest.fixture
    def targets(self):
        return ["1", "2", "1", "3", "2", "3", "1", "2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = make_points(tmp_path_factory.mktemp("grades") / "clouds.points.json", rows=90)
    table = json.loads(path.read_text())
    for row in table["rows"]:
        row["grade"] = LETTERS[row["label"]]
    path.write_text(json.dumps(table))
    return path


@pytest.fixture(scope="module")
def run(data, install):
    """A search with two strategies, of which kNN is not one: its means of grades are no answers."""
    install("grades")
    folder = data.parent / "run"
    task = points_task(data, problems=["grades"], targets=["grade"])
    result = run_search(task, run=folder, budget=None, trials=3, threads=2, device="cpu", strategies=["probe", "toy"])
    assert result.trials == {"done": 3} and result.metric == "neg_mean_distance"
    return folder


def command(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output or done.exception
    return done.stdout


@pytest.mark.slow
def test_it_is_searched_and_reported(run):
    command("report", run)
    page = (run / "report.html").read_text()
    assert "this report knows no figures for such answers" in page and "grades" in page


@pytest.mark.slow
def test_its_card_describes_it_without_a_table_of_classes(run):
    card = (run / "best" / "README.md").read_text()
    assert "- grades of `grade`: grades from 1 to 3" in card
    assert "| class |" not in card and "It knows the classes above" not in card


@pytest.mark.slow
def test_it_answers_as_a_table_and_in_python(run, data):
    rows = list(csv.DictReader(command("predict", run, data, "--device", "cpu").splitlines()))
    assert list(rows[0]) == ["input", "prediction", "error"] and 1 <= float(rows[0]["prediction"]) <= 3
    predictor = Predictor.load(run, device="cpu")
    assert predictor.class_names == ((),) and predictor.predict_proba([[0.0] * 4]).shape == (1, 3)
    assert "grades" in repr(predictor)
    with pytest.raises(AttributeError, match="has no classes_"):
        _ = predictor.classes_


@pytest.mark.slow
def test_it_is_exported(run, tmp_path):
    pytest.importorskip("onnxruntime")
    command("export", run, "--onnx", tmp_path / "model.onnx")
    (output,) = json.loads((tmp_path / "model.onnx.json").read_text())["outputs"]
    assert output["name"] == "probabilities" and output["columns"] is None


@pytest.mark.slow
def test_it_is_served(run):
    pytest.importorskip("uvicorn")
    from fastapi.testclient import TestClient

    from autosft.serving.app import Limits, make_app

    with TestClient(make_app(Predictor.load(run, device="cpu"), Limits())) as client:
        (target,) = client.get("/info").json()["targets"]
        assert target["problem"] == "grades" and target["classes"] is None

"""A whole search for each built-in problem: the same road, and answers in the words of its targets."""

from __future__ import annotations

import csv
import json

import pytest

from autosft.cli.model import predict
from autosft.contracts.record import Record
from autosft.deploy.predictor import Predictor
from autosft.errors import BadInput
from autosft.report.leaderboard import leaderboard_of
from autosft.search.driver import run_search
from autosft.search.events import Planned
from autosft.testing.toy import make_points

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def searched(tmp_path):
    """A function that searches on clouds with a few troublesome rows: its result, its run's folder, and its events."""

    def search(*, spoil=lambda rows: None, trials=3, **settings):
        path = make_points(tmp_path / "clouds.points.json", rows=90, seed=1)
        table = json.loads(path.read_text())
        spoil(table["rows"])
        path.write_text(json.dumps(table))
        events = []
        settings = {"budget": None, "threads": 1, "device": "cpu", "strategies": ["toy"], **settings}
        result = run_search(path, trials=trials, run=tmp_path / "run", callback=events.append, **settings)
        (summary,) = [entry.summary for entry in events if isinstance(entry, Planned)]
        return result, tmp_path / "run", summary

    return search


@pytest.fixture
def answered(tmp_path):
    """A function that answers the toy file with `autosft predict`: its rows."""

    def answer(run):
        predict(run, [str(tmp_path / "clouds.points.json")], out=tmp_path / "answers.csv", device="cpu")
        with (tmp_path / "answers.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    return answer


def check_result(result, folder, metric):
    ended = [Record.read(path) for path in folder.glob("trials/*/record.json")]
    done = [record for record in ended if record.state == "done"]
    assert result.metric == metric and result.valid == max(record.score for record in done)
    assert all(record.score_error is not None and 0 < record.score_error < 1e3 for record in done)
    assert result.interval[0] <= result.test <= result.interval[1]
    scores = [float(row["score"]) for row in leaderboard_of(folder).rows if row["score"]]
    assert scores == sorted(scores, reverse=True) and len(scores) == len(ended)


def test_several_labels_per_row(searched, answered, tmp_path):
    def spoil(rows):
        for row in rows:
            row["split"] = "test" if int(row["x"][3] * 1e4) % 5 == 0 else ""
        test_outputs = [row for row in rows if row["split"]]
        test_outputs[0]["labels"], test_outputs[1]["labels"] = ["a", "only among the test rows"], []

    result, folder, summary = searched(problem="multilabel", spoil=spoil)

    check_result(result, folder, "f1_micro")
    assert result.valid > 0.7 and result.test > 0.6
    assert summary.facts[0].startswith("3 labels: a, b, c; ")
    assert summary.warnings == ("only among the test rows, so always wrong there: only among the test rows",)
    losses = {Record.read(path).recipe.of("multilabel")["loss"] for path in folder.glob("trials/*/record.json")}
    assert "bce" in losses
    predictor, points = Predictor.load(folder), [[2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    assert predictor.classes_ == ["a", "b", "c"] and predictor.predict_proba(points).shape == (2, 3)
    assert predictor.predict(points)[0] == ["a"]
    rows = answered(folder)
    assert list(rows[0]) == ["input", "prediction", "error", "p(a)", "p(b)", "p(c)"]
    written = [row["prediction"].split(";") if row["prediction"] else [] for row in rows]
    assert written == predictor.predict(tmp_path / "clouds.points.json")


def test_two_numbers_per_row_with_a_negative_score(searched, answered):
    metric = "neg_mean_absolute_percentage_error"
    result, folder, summary = searched(problem="regression", target=["height", "breadth"], metric=metric)

    check_result(result, folder, metric)
    assert -0.2 < result.valid < 0 and -0.3 < result.test < 0
    assert summary.facts[0].startswith("2 numbers per row, from ")
    predictor = Predictor.load(folder)
    (answer,) = predictor.predict([[2.0, 0.0, 0.0, 0.0]])
    assert isinstance(answer, list) and answer == pytest.approx([190.0, 40.0], rel=0.2)
    row = answered(folder)[0]
    assert list(row) == ["input", "prediction", "error", "value(height)", "value(breadth)"]
    assert row["prediction"] == f"{row['value(height)']};{row['value(breadth)']}"
    with pytest.raises(AttributeError, match="predict gives its answers"):
        _ = predictor.classes_
    with pytest.raises(BadInput, match="predict gives its answers"):
        predictor.predict_proba([[2.0, 0.0, 0.0, 0.0]])


@pytest.mark.slow
def test_one_number_per_row(searched, answered):
    result, folder, _ = searched(problem="regression")

    check_result(result, folder, "r2")
    assert 0.3 < result.valid <= 1 and result.test > 0.3
    assert isinstance(Predictor.load(folder).predict([[2.0, 0.0, 0.0, 0.0]])[0], float)
    row = answered(folder)[0]
    assert list(row) == ["input", "prediction", "error"] and float(row["prediction"]) > 100
    recipes = [Record.read(path).recipe for path in folder.glob("trials/*/record.json")]
    assert recipes and all("loss" in recipe.of("regression") for recipe in recipes)


def test_two_classifications_go_by_their_names(searched, answered, tmp_path):
    asked = {"problem": "classification,classification", "target": ["label", "side"], "metric": "accuracy,f1_macro"}
    result, folder, _ = searched(**asked)

    check_result(result, folder, "mean of accuracy and f1_macro")
    assert result.valid > 0.7 and result.test > 0.6
    for path in folder.glob("trials/*/record.json"):
        own = Record.read(path).recipe.own
        assert own.keys() >= {"classification.label", "classification.side"} and "classification" not in own
    written = json.loads((folder / "run.json").read_text())["task"]
    assert [(one["name"], one["metric"]) for one in written["targets"]] == [("label", "accuracy"), ("side", "f1_macro")]
    rows = answered(folder)
    names = [*(f"label p({name})" for name in "abc"), "side p(left)", "side p(right)"]
    assert list(rows[0]) == ["input", "prediction(label)", "prediction(side)", "error", *names]
    answers = Predictor.load(folder).predict(tmp_path / "clouds.points.json")
    assert [{"label": row["prediction(label)"], "side": row["prediction(side)"]} for row in rows] == answers
    card = (folder / "best" / "README.md").read_text()
    assert "- `label`: classification of `label`: 3 classes" in card and "- `side`: classification of `side`" in card


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"metric": "accuracy"}, r"names 1, and task 'clouds' has 2 targets \(label, side\): name one for each"),
        ({"metric": "accuracy,r2"}, "metric 'r2'"),
        ({"target": ["label"]}, "need a --target each in the same order; 1 are named"),
        ({"target": ["label", "label"]}, "names a column twice"),
    ],
)
def test_what_does_not_go_by_targets_is_refused(searched, asked, said):
    usual = {"problem": "classification,classification", "target": ["label", "side"]}
    with pytest.raises(BadInput, match=said):
        searched(**{**usual, **asked})


def test_a_number_that_never_changes_is_refused_before_anything_is_written(searched, tmp_path):
    def spoil(rows):
        for row in rows:
            row["height"] = 1.5

    with pytest.raises(BadInput, match=r"The target is 1\.5 in all training rows"):
        searched(problem="regression", spoil=spoil)
    assert not (tmp_path / "run").exists()

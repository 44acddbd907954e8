"""A worker does what the run's settings say, and says what it could not do."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing

import numpy as np
import pytest

from autosft.builtin.classification import Classification
from autosft.contracts.executor import Order
from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.strategy import Fit, Strategy
from autosft.errors import OutOfTime
from autosft.testing.toy import ToyStrategy
from autosft.testing.trials import quick_recipe
from autosft.workers.worker import Worker


class Once(Strategy):
    """Has time for one fit."""

    name, cheap, fitted = "once", True, 0

    def __init__(self, problem):
        self.problem = problem

    def stages(self, trial, runtime, model):
        self.fitted += 1
        if self.fitted > 1:
            raise self.problem
        return ()


def _record(run, registry, strategy="toy"):
    worker = Worker(registry, "cpu")
    order = Order(run=str(run.folder), trial=0, token="t", recipe=quick_recipe(strategy), seconds=None)
    return worker.work(order, lambda epoch: None)


def test_where_torch_cannot_compile_a_trial_is_trained_without_and_says_so(
    make_run, registry, tmp_path, without_compiler
):
    with closing(make_run(tmp_path / "run", compile=True)) as run:
        record = _record(run, registry)
    (note,) = record.notes
    assert record.state == "done" and note.startswith("not compiled, because torch cannot do it here: ")


def test_precision_is_that_of_the_settings(make_run, registry, tmp_path):
    losses = set()
    for precision in ("auto", "float32", "bfloat16"):
        with closing(make_run(tmp_path / precision, precision=precision)) as run:
            losses.add(_record(run, registry).epochs[0].loss)
    assert len(losses) == 2


@pytest.mark.parametrize(
    ("problem", "said"),
    [(OutOfTime("the time was up"), "the time was up"), (KeyError("a\nb"), "KeyError: 'a\\nb'")],
    ids=["no time", "defect"],
)
def test_a_fold_that_fails_leaves_the_trial_its_score_and_is_said(
    make_run, registry, tmp_path, points, task, problem, said, capfd
):
    table = json.loads(points.read_text())
    for row in table["rows"]:
        row.pop("split", None)
    path = tmp_path / "drawn.points.json"
    path.write_text(json.dumps(table))
    drawn = task.model_copy(update={"data": {**task.data, "file": str(path)}})
    with closing(make_run(tmp_path / "run", task=drawn)) as run:
        parts = dataclasses.replace(registry, strategies={**registry.strategies, "once": Once(problem)})
        record = _record(run, parts, "once")

    assert (
        record.state == "done"
        and record.score is not None
        and record.split_score is None
        and record.rows == len(run.data.valid)
    )
    assert record.notes == (f"once on tiny/narrow was not cross-validated: {said}",)
    assert ("Traceback" in capfd.readouterr().err) == isinstance(problem, KeyError)


class Impatient(ToyStrategy):
    """Fits before its stage, if there is time."""

    name = "impatient"

    def stages(self, trial, runtime, model):
        yield Fit("before", lambda: self.fit(runtime))
        yield from super().stages(trial, runtime, model)

    def fit(self, runtime):
        if runtime.seconds_left() <= 0:
            raise OutOfTime("the time was up before it had fitted")


def test_a_paused_trial_is_kept_as_it_is_though_its_strategy_fits_something_first(make_run, registry, tmp_path):
    parts = dataclasses.replace(registry, strategies={"impatient": Impatient()})
    with closing(make_run(tmp_path / "run")) as run:
        worker, recipe = Worker(parts, "cpu"), quick_recipe("impatient")
        order = Order(run=str(run.folder), trial=0, token="t", recipe=recipe, seconds=60, pause_after=1)
        paused = worker.work(order, lambda epoch: None)
        assert paused.state == "paused" and len(paused.epochs) == 1

        kept = worker.work(order.model_copy(update={"work": "save", "pause_after": None}), lambda epoch: None)

    assert kept.state == "done" and kept.epochs == paused.epochs and kept.score == paused.score


def test_a_device_that_is_not_there_fails_the_trial_in_one_line(make_run, registry, tmp_path):
    with closing(make_run(tmp_path / "run")) as run:
        order = Order(run=str(run.folder), trial=0, token="t", recipe=quick_recipe("toy"), seconds=None)
        record = Worker(registry, "cuda:99").work(order, lambda epoch: None)

    assert record.state == "failed" and record.error.startswith("device 'cuda:99' cannot be used here (")
    assert "\n" not in record.error


@pytest.fixture
def drawn(make_run, points, task, tmp_path):
    """A run over rows in no split, so few that every trial is cross-validated."""
    table = json.loads(points.read_text())
    table["rows"] = [{key: row[key] for key in row if key != "split"} for row in table["rows"][:90]]
    path = tmp_path / "drawn.points.json"
    path.write_text(json.dumps(table))
    with closing(
        make_run(tmp_path / "run", task=task.model_copy(update={"data": {**task.data, "file": str(path)}}))
    ) as run:
        yield run


def order(run, number, **fields):
    recipe = quick_recipe("toy", epochs=3)
    return Order(run=str(run.folder), trial=number, token="t", recipe=recipe, seconds=None, **fields)


def test_where_rows_are_few_a_trained_encoder_is_scored_on_all_of_them(drawn, registry):
    labelled = drawn.data.train + drawn.data.valid

    record = Worker(registry, "cpu").work(order(drawn, 0), lambda epoch: None)

    assert record.state == "done" and record.rows == len(labelled) and record.split_score is not None
    stored = StoredOutputs.read(drawn.trial_folder(0), labelled.columns)
    targets = dict(zip(labelled.id, labelled.target(0), strict=True))
    answers = Classification().decide(stored.outputs[0], stored.states[0])
    right = [answer == targets[row] for row, answer in zip(stored.rows.id, answers, strict=True)]
    assert set(stored.rows.id) == set(labelled.id) and record.score == pytest.approx(np.mean(right))
    assert len(record.epochs) == 3 == sum(record.best.values())
    assert not [
        path for path in drawn.trial_folder(0).iterdir() if path.name.startswith("fold-") or path.suffix == ".pt"
    ]


def test_a_trial_below_the_least_score_is_not_taken_through_the_folds(drawn, registry):
    worker = Worker(registry, "cpu")
    score = worker.work(order(drawn, 0), lambda epoch: None).split_score

    below, above = (
        worker.work(order(drawn, number, least_score=score + more), lambda epoch: None)
        for number, more in ((1, 0.01), (2, -0.01))
    )

    assert below.rows == len(drawn.data.valid) and below.split_score is None and below.score == score
    assert above.split_score == score

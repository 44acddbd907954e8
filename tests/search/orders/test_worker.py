"""A worker does what the run's settings say, and says what it could not do."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing

import torch

from autosft.contracts.executor import Order
from autosft.contracts.strategy import Strategy
from autosft.errors import OutOfTime
from autosft.search.orders.worker import Workshop
from autosft.testing.job import quick_recipe


class Once(Strategy):
    """Has time for one fit."""

    name, cheap, fitted = "once", True, 0

    def fit(self, job, model):
        self.fitted += 1
        if self.fitted > 1:
            raise OutOfTime("the time was up")


def _record(run, registry, strategy="toy"):
    workshop = Workshop(registry, torch.device("cpu"))
    order = Order(run=str(run.folder), trial=0, token="t", recipe=quick_recipe(strategy), seconds=None)
    return workshop.work(order, lambda epoch: None)


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


def test_a_fold_without_time_leaves_the_trial_its_score_and_is_said(make_run, registry, tmp_path, points, task):
    table = json.loads(points.read_text())
    for row in table["rows"]:
        row.pop("split", None)
    path = tmp_path / "drawn.points.json"
    path.write_text(json.dumps(table))
    drawn = task.model_copy(update={"data": {**task.data, "file": str(path)}})
    with closing(make_run(tmp_path / "run", task=drawn)) as run:
        parts = dataclasses.replace(registry, strategies={**registry.strategies, "once": Once()})
        record = _record(run, parts, "once")

    assert record.state == "done" and record.score is not None and record.cross_score is None
    assert record.notes == ("once on toy/narrow was not cross-validated: the time was up",)

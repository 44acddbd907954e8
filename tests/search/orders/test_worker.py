"""A worker does what the run's settings say, and says what it could not do."""

from __future__ import annotations

from contextlib import closing

import torch

from autosft.contracts.executor import Order
from autosft.search.orders.worker import Workshop
from autosft.testing.job import quick_recipe


def _record(run, registry):
    workshop = Workshop(registry, torch.device("cpu"))
    order = Order(run=str(run.folder), trial=0, token="t", recipe=quick_recipe("toy"), seconds=None)
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

"""What the observer writes is what TensorBoard reads, after a search, amid one, and when it goes on."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from autosft.api import Epoch, Recipe, Record, Task, TaskTarget
from autosft.contracts.recipe import Optim
from autosft.host.loading import load
from autosft.testing import toy
from autosft_tensorboard.plugin import FOLDER

TASK = Task(name="points", modality="points", targets=(TaskTarget(problem="classification"),), data={})
RECIPE = Recipe(backbone="tiny/narrow", strategy="toy", optim=Optim(lr=0.01), own={"tiny": {"activation": "relu"}})


def epoch(number, score=None):
    return Epoch(stage="full", number=number, loss=1 / number, score=score, seconds=1.0)


def read(run, trial):
    events = EventAccumulator(str(run / FOLDER / f"trial-{trial:04d}"))
    events.Reload()
    return events


def curve(events, tag):
    return [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(tag)]


def test_curves_outcomes_and_hyperparameters_are_read_back(tmp_path):
    registry = load()
    for number in (1, 2, 4):
        registry.epoch_finished(TASK, tmp_path, 7, epoch(number, score=0.25 * number))
    assert curve(read(tmp_path, 7), "score/full") == [(1, 0.25), (2, 0.5), (4, 1.0)], "amid the trial"
    registry.trial_finished(TASK, tmp_path, Record(number=7, state="done", recipe=RECIPE, score=1.0, seconds=3.0))
    events = read(tmp_path, 7)
    assert curve(events, "loss/full") == [(1, 1.0), (2, 0.5), (4, 0.25)]
    assert curve(events, "trial/score") == [(0, 1.0)] and curve(events, "trial/seconds") == [(0, 3.0)]
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    chosen = HParamsPluginData.FromString(content).session_start_info.hparams
    assert chosen["optim.lr"].number_value == 0.01 and chosen["strategy"].string_value == "toy"
    assert chosen["tiny.activation"].string_value == "relu"


def test_what_was_not_validated_or_failed_has_no_score(tmp_path):
    registry = load()
    registry.epoch_finished(TASK, tmp_path, 0, epoch(1))
    registry.trial_finished(TASK, tmp_path, Record(number=0, state="failed", recipe=RECIPE, error="it broke"))
    assert set(read(tmp_path, 0).Tags()["tensors"]) == {"loss/full", "trial/seconds", "_hparams_/session_start_info"}


def test_a_folder_that_cannot_be_written_costs_a_warning_and_no_trial(tmp_path, caplog):
    (tmp_path / FOLDER).write_text("in the way")
    registry = load()
    with caplog.at_level(logging.WARNING, logger="autosft.host"):
        for number in (1, 2):
            registry.epoch_finished(TASK, tmp_path, 0, epoch(number))
    assert [entry.getMessage() for entry in caplog.records if "autosft-tensorboard" in entry.getMessage()] == [
        "The observer of autosft-tensorboard 0.1.0 (tensorboard) raised and will not be called again."
    ]


@pytest.mark.slow
def test_a_search_leaves_the_curves_of_all_its_trials(tmp_path):
    toy.write_distribution(tmp_path / "plugins")
    points = toy.make_points(tmp_path / "clouds.points.json", rows=60)
    run = tmp_path / "run"
    code = "import sys, autosft; autosft.run_search(sys.argv[1], run=sys.argv[2], budget=None, trials=3, device='cpu')"
    away = toy.all_but("autosft-tensorboard", "autosft-toy")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "plugins"), "AUTOSFT_DISABLE_PLUGINS": away}
    subprocess.run([sys.executable, "-c", code, str(points), str(run)], env=environment, check=True, timeout=100)
    for record in map(Record.read, sorted(run.glob("trials/*/record.json"))):
        events = read(run, record.number)
        assert len(curve(events, "score/toy")) == len(record.epochs)
        assert curve(events, "trial/score")[-1][1] == pytest.approx(record.score)

"""What the observer tracks is what MLflow gives back, from a database as MLflow makes one."""

from __future__ import annotations

import logging

import pytest

from autosft.api import Epoch, Recipe, Record, Task, TaskTarget
from autosft.contracts.recipe import Optim
from autosft.host.loading import load
from autosft.testing.toy import all_but
from autosft_mlflow import plugin

TASK = Task(name="points", modality="points", targets=(TaskTarget(problem="classification"),), data={})
RECIPE = Recipe(backbone="tiny/narrow", strategy="toy", optim=Optim(lr=0.01), own={"tiny": {"activation": "relu"}})

pytestmark = [
    pytest.mark.slow,  # MLflow takes seconds to be imported, and to make a database
    pytest.mark.filterwarnings("ignore"),  # those of MLflow's own code, of which there are many
]


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    """Whatever another test has tracked, and where, is forgotten."""
    for name in ("MLFLOW_EXPERIMENT_NAME", plugin.URI, *plugin.IMPATIENT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AUTOSFT_DISABLE_PLUGINS", all_but("autosft-mlflow"))
    plugin._client.cache_clear()
    plugin._run_of.cache_clear()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """One for all tests: MLflow takes its time to make it."""
    return tmp_path_factory.mktemp("database") / "mlflow.db"


@pytest.fixture
def client(database, monkeypatch):
    monkeypatch.setenv(plugin.URI, f"sqlite:///{database}")
    return plugin._client()


def epoch(number, score=None):
    return Epoch(stage="full", number=number, loss=1 / number, score=score, seconds=1.0)


def runs(client, name="points"):
    return client.search_runs([client.get_experiment_by_name(name).experiment_id])


def test_a_trial_is_a_run_with_curves_parameters_and_its_end(client, tmp_path):
    folder = tmp_path / "it's mine"
    registry = load()
    registry.epoch_finished(TASK, folder, 7, epoch(1, score=0.25))
    plugin._run_of.cache_clear()  # the search ends, and goes on in another process
    registry.epoch_finished(TASK, folder, 7, epoch(2, score=0.5))
    registry.trial_finished(TASK, folder, Record(number=7, state="done", recipe=RECIPE, score=0.5, loss=0.1))

    (run,) = runs(client)
    assert (run.info.run_name, run.info.status) == ("it's mine 7", "FINISHED")
    history = client.get_metric_history(run.info.run_id, "full/score")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.25), (2, 0.5)]
    assert run.data.metrics["score"] == 0.5 and run.data.metrics["loss"] == 0.1
    assert run.data.params["optim.lr"] == "0.01" and run.data.params["tiny.activation"] == "relu"
    assert (run.data.tags["autosft.trial"], run.data.tags["autosft.state"]) == ("7", "done")


def test_a_failed_trial_is_a_failed_run_in_the_experiment_that_was_asked_for(client, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    load().trial_finished(TASK, tmp_path, Record(number=0, state="failed", recipe=RECIPE, error="it broke"))
    (run,) = runs(client, "mine")
    assert run.info.status == "FAILED" and run.data.tags["autosft.error"] == "it broke"
    assert not run.data.metrics


def test_without_an_address_nothing_is_tracked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry = load()
    registry.epoch_finished(TASK, tmp_path, 0, epoch(1))
    registry.trial_finished(TASK, tmp_path, Record(number=0, state="done", recipe=RECIPE))
    assert not list(tmp_path.iterdir())


def test_a_server_that_does_not_answer_costs_a_warning_and_no_trial(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv(plugin.URI, "http://127.0.0.1:9")
    registry = load()
    with caplog.at_level(logging.WARNING, logger="autosft.host"):
        for number in (1, 2):
            registry.epoch_finished(TASK, tmp_path, 0, epoch(number))
    assert [entry.getMessage() for entry in caplog.records if entry.name == "autosft.host"] == [
        "The observer of autosft-mlflow 0.1.0 (mlflow) raised and will not be called again."
    ]

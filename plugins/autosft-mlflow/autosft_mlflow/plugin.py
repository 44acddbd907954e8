"""Observes trials and makes a run of MLflow of each, where `MLFLOW_TRACKING_URI` says; without it, nothing is tracked.

The experiment is `MLFLOW_EXPERIMENT_NAME`, or the task's name. A search that goes on later finds its runs by a tag.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from autosft.api import Epoch, Record, Task, hookimpl

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

autosft_api = 2

URI = "MLFLOW_TRACKING_URI"
IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""The search waits for its observers: a server that does not answer may cost seconds, not minutes."""


@hookimpl
def autosft_epoch_finished(task: Task, run: Path, trial: int, epoch: Epoch) -> None:
    """The loss and the score, a curve for each stage."""
    if os.environ.get(URI):
        numbers = {f"{epoch.stage}/loss": epoch.loss, f"{epoch.stage}/score": epoch.score}
        _client().log_batch(_run_of(task.name, run, trial), _metrics(numbers, epoch.number))


@hookimpl
def autosft_trial_finished(task: Task, run: Path, record: Record) -> None:
    """What was decided, what came of it, and how it ended."""
    if not os.environ.get(URI):
        return
    from mlflow.entities import Param, RunTag

    its, numbers = _run_of(task.name, run, record.number), {"score": record.score, "loss": record.loss}
    parameters = [Param(name, str(value)) for name, value in record.recipe.parameters().items()]
    tags = [RunTag("autosft.state", record.state), RunTag("autosft.error", record.error)]
    _client().log_batch(its, _metrics(numbers, 0), parameters, tags)
    _client().set_terminated(its, "FAILED" if record.score is None else "FINISHED")


@cache
def _client() -> MlflowClient:
    for name, value in IMPATIENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient()


@cache
def _run_of(task: str, run: Path, trial: int) -> str:
    """The id of the trial's run of MLflow, which is made if there is none yet."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or task
    known = _client().get_experiment_by_name(name)
    experiment = known.experiment_id if known else _client().create_experiment(name)
    tags = {"autosft.run": str(run.resolve()), "autosft.trial": str(trial)}
    tags["autosft.id"] = uuid.uuid5(uuid.NAMESPACE_URL, "/".join(tags.values())).hex  # whatever quotes are in a path
    found = _client().search_runs([experiment], f"tags.`autosft.id` = '{tags['autosft.id']}'")
    made = found[0] if found else _client().create_run(experiment, tags=tags, run_name=f"{run.name} {trial}")
    return made.info.run_id


def _metrics(numbers: Mapping[str, float | None], step: int) -> list[Metric]:
    from mlflow.entities import Metric

    now = int(1000 * time.time())
    return [Metric(name, number, now, step) for name, number in numbers.items() if number is not None]

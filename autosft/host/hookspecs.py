"""The ten hooks of AutoSFT: eight offer parts, two observe.

A plugin is a module named by an entry point of the group `autosft`. It implements some of these functions, each
decorated with `hookimpl`, and states the API it was made for:

    from autosft.api import hookimpl

    autosft_api = 2

    @hookimpl
    def autosft_strategies():
        from my_package.strategy import MyStrategy
        return [MyStrategy()]

Hooks receive and return values. Neither the module nor the modules of the parts that it offers may import torch or
another heavy library at module level: `autosft plugins` calls every offering hook.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pluggy

from autosft.contracts.backbone import BackboneFamily, WeightSource
from autosft.contracts.executor import Executor
from autosft.contracts.metric import Metric
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.record import Epoch, Record
from autosft.contracts.section import ReportSection
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Task

GROUP = "autosft"
"""The group of the entry points by which plugins are found."""

API_VERSION = 2
"""The version of the plugin API. A plugin module states the one that it was made for as `autosft_api`; one of another
version is not loaded."""

hookspec = pluggy.HookspecMarker(GROUP)

hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin module as a hook."""


@hookspec
def autosft_modalities() -> Iterable[Modality]:
    """Offer modalities.

    ```python
    @hookimpl
    def autosft_modalities():
        return [PointCloudModality()]
    ```
    """
    return ()


@hookspec
def autosft_backbones() -> Iterable[BackboneFamily]:
    """Offer families of backbones.

    ```python
    @hookimpl
    def autosft_backbones():
        return [PointNetFamily()]
    ```
    """
    return ()


@hookspec
def autosft_problems() -> Iterable[Problem]:
    """Offer problems.

    ```python
    @hookimpl
    def autosft_problems():
        return [OrdinalRegression()]
    ```
    """
    return ()


@hookspec
def autosft_metrics() -> Iterable[Metric]:
    """Offer metrics for problems, whoever offers these.

    ```python
    @hookimpl
    def autosft_metrics():
        return [Metric("f2_macro", "classification", f2_macro, "mean over classes of the F2 score", range=(0.0, 1.0))]
    ```
    """
    return ()


@hookspec
def autosft_strategies() -> Iterable[Strategy]:
    """Offer strategies.

    ```python
    @hookimpl
    def autosft_strategies():
        return [LastBlocksOnly()]
    ```
    """
    return ()


@hookspec
def autosft_weights() -> Iterable[WeightSource]:
    """Offer sources of weights.

    ```python
    @hookimpl
    def autosft_weights():
        return [CompanyMirror()]
    ```
    """
    return ()


@hookspec
def autosft_executors() -> Iterable[Executor]:
    """Offer executors.

    ```python
    @hookimpl
    def autosft_executors():
        return [SlurmExecutor()]
    ```
    """
    return ()


@hookspec
def autosft_report_sections() -> Iterable[ReportSection]:
    """Offer sections of the report on what a model answered.

    ```python
    @hookimpl
    def autosft_report_sections():
        return [BoxesByArea()]
    ```
    """
    return ()


@hookspec
def autosft_epoch_finished(task: Task, run: Path, trial: int, epoch: Epoch) -> None:
    """Observe an epoch, as soon as the driver hears of it. An observer that raises is dropped, and can never fail
    a trial. The driver waits for it, so it should be quick.

    Args:
        task: What is being solved.
        run: The run's folder.
        trial: The number of the trial.
        epoch: What came of it.

    ```python
    @hookimpl
    def autosft_epoch_finished(task, trial, epoch):
        print(task.name, trial, epoch.number, epoch.score)
    ```
    """


@hookspec
def autosft_trial_finished(task: Task, run: Path, record: Record) -> None:
    """Observe the outcome of a trial, whatever its state.

    Args:
        task: What is being solved.
        run: The run's folder.
        record: What came of it.

    ```python
    @hookimpl
    def autosft_trial_finished(run, record):
        print(run.name, record.number, record.state, record.score)
    ```
    """

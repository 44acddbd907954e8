"""The hooks of AutoSFT's own parts."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.builtin.classification import Classification
from autosft.builtin.hub import Hub, HubCache
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.processes import Processes
from autosft.builtin.regression import Regression
from autosft.contracts.backbone import WeightSource
from autosft.contracts.executor import Executor
from autosft.contracts.problem import Problem
from autosft.contracts.section import ReportSection
from autosft.host.hookspecs import hookimpl
from autosft.report.diagnosis.sections import ClassesSection, LabelsSection, NumbersSection

autosft_api = 2


@hookimpl
def autosft_problems() -> Iterable[Problem]:
    """One label per row, several, or numbers."""
    return [Classification(), MultiLabel(), Regression()]


@hookimpl
def autosft_weights() -> Iterable[WeightSource]:
    """The Hugging Face hub: first its cache, then the network."""
    return [HubCache(), Hub()]


@hookimpl
def autosft_report_sections() -> Iterable[ReportSection]:
    """What is said of classes, of labels and of numbers."""
    return [ClassesSection(), LabelsSection(), NumbersSection()]


@hookimpl
def autosft_executors() -> Iterable[Executor]:
    """Child processes on this machine."""
    return [Processes()]

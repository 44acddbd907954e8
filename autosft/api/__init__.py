"""The plugin API: all that a plugin may use, here and in the three modules beside this one; docs/plugins/ has more.

- `autosft.api`: the parts that a plugin offers, the values that they take and give, the errors that they raise
- `autosft.api.inputs`: folders and tables of samples, for modalities
- `autosft.api.tensors`: models and training; importing it imports torch
- `autosft.api.weights`: weights on disk, for backbones and weight sources

The version of all four together is `API_VERSION`. How to test a plugin stands in `autosft.testing`.
"""

from __future__ import annotations

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, Inputs, WeightFile, WeightSource
from autosft.contracts.executor import Event, Executor, Order, Pool
from autosft.contracts.facts import Facts
from autosft.contracts.metric import Metric, by_name
from autosft.contracts.modality import Example, Meta, Mix, Modality, Preview, Read, Sample, Strength, View
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import SHARED, Recipe
from autosft.contracts.record import Epoch, Record
from autosft.contracts.rows import Row, Rows, Scan, SkippedSample, printable
from autosft.contracts.section import Answers, ReportedRow, ReportSection, Show
from autosft.contracts.space import Choice, Float, Int, Space
from autosft.contracts.state import State
from autosft.contracts.strategy import Fit, Stage, Strategy
from autosft.contracts.task import Hints, InferredTask, Task, TaskTarget
from autosft.contracts.trial import Parts, Runtime, Trial
from autosft.errors import BadInput, BadWeights, OutOfTime, UnknownName, Unreachable, Unreadable
from autosft.host.hookspecs import API_VERSION, hookimpl
from autosft.pools import CommandPool, worker_command
from autosft.training.seeds import seed_of

__all__ = [
    "API_VERSION",
    "SHARED",
    "Answers",
    "BackboneFamily",
    "BackboneInfo",
    "BadInput",
    "BadWeights",
    "Choice",
    "CommandPool",
    "Epoch",
    "Event",
    "Example",
    "Executor",
    "Facts",
    "Fit",
    "Float",
    "Hints",
    "InferredTask",
    "Inputs",
    "Int",
    "Meta",
    "Metric",
    "Mix",
    "Modality",
    "Order",
    "OutOfTime",
    "Outputs",
    "Parts",
    "Pool",
    "Preview",
    "Problem",
    "Read",
    "Recipe",
    "Record",
    "ReportSection",
    "ReportedRow",
    "Row",
    "Rows",
    "Runtime",
    "Sample",
    "Scan",
    "Show",
    "SkippedSample",
    "Space",
    "Stage",
    "State",
    "Strategy",
    "Strength",
    "Task",
    "TaskTarget",
    "Trial",
    "UnknownName",
    "Unreachable",
    "Unreadable",
    "View",
    "WeightFile",
    "WeightSource",
    "by_name",
    "hookimpl",
    "printable",
    "seed_of",
    "worker_command",
]

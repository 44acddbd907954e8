"""Events of a search, for whoever watches: a terminal, a notebook, a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Epoch, Record, Result
from autosft.contracts.task import InferredTask, Task
from autosft.data.checks import Summary
from autosft.runs.plan import Plan


@dataclass(frozen=True)
class Recognized:
    """A modality has recognized the data; `others` could read it too, with less confidence."""

    inferred: InferredTask
    others: tuple[InferredTask, ...] = ()


@dataclass(frozen=True)
class Planned:
    """The data is checked and the plan is made; the search begins."""

    task: Task
    folder: Path
    summary: Summary
    plan: Plan


@dataclass(frozen=True)
class Continued:
    """A run that was left goes on; `trials` of it have ended, and `best` is the best of them."""

    task: Task
    folder: Path
    trials: int
    best: Record | None


@dataclass(frozen=True)
class TrialStarted:
    """A trial begins, or goes on that was cut off. If the encoder that it starts from is not made yet, it waits for
    that."""

    number: int
    recipe: Recipe
    seconds_left: float


@dataclass(frozen=True)
class TrialPaused:
    """A trial has reached its rung; it may go on later. `disk` is what the run's models take, in bytes."""

    record: Record
    seconds_left: float
    disk: int


@dataclass(frozen=True)
class TrialResumed:
    """A paused trial goes on."""

    number: int
    recipe: Recipe
    seconds_left: float


@dataclass(frozen=True)
class EpochFinished:
    """An epoch of a running trial is over."""

    number: int
    epoch: Epoch


@dataclass(frozen=True)
class TrialFinished:
    """A trial has ended, whatever its state; `best` is the best so far, `disk` what models take, in bytes."""

    record: Record
    best: Record
    seconds_left: float
    disk: int


@dataclass(frozen=True)
class Finishing:
    """No more trials: the best are trained again, bundled, and scored on the test split."""

    seconds_left: float


@dataclass(frozen=True)
class Noted:
    """Something that the user should know."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The search is over."""

    result: Result
    folder: Path


SearchEvent = (
    Recognized
    | Planned
    | Continued
    | TrialStarted
    | TrialPaused
    | TrialResumed
    | EpochFinished
    | TrialFinished
    | Noted
    | Finishing
    | Finished
)
Callback = Callable[[SearchEvent], None]

"""`Task` says what to solve; `Claim` is a modality's proposal of one, `Hints` what the user says beforehand.

A task comes from a `task.toml`, or from the modality that recognizes the data. It names no backbone and no
strategy: what to allow is the search's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field, field_validator

from autosft.contracts.document import Document
from autosft.errors import BadInput

ROLES = ("group", "time", "weight")
"""What a column of a table may be, beside an input or a target."""


class Task(Document):
    """One fine-tuning task.

    Attributes:
        name: A short name, used for the run's folder and in leaderboards.
        modality: The name of the modality that reads the data, such as `"image"`.
        problems: The names of the problems to solve, usually one; several share one encoder.
        data: The modality's own table: where the data lies and how it is laid out.
        targets: One target per problem: a column, the modality's own word for it, or several columns that together
            are one target.
        metric: The score that the search maximizes; empty means the first problem's first metric.
        group: The column whose rows of one value stay on one side of every split; empty if there is none.
        time: The column by which rows are split: training rows are the earliest, test rows the latest.
        weight: The column of the weights of rows in the loss.
    """

    name: str = Field(min_length=1)
    modality: str
    problems: tuple[str, ...] = Field(min_length=1)
    data: Mapping[str, Any]
    targets: tuple[str | tuple[str, ...], ...] = ("label",)
    metric: str = ""
    group: str = ""
    time: str = ""
    weight: str = ""

    @field_validator("problems")
    @classmethod
    def _distinct(cls, problems: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(problems)) != len(problems):
            raise ValueError("each problem may be named once")
        return problems

    @property
    def roles(self) -> dict[str, str]:
        """The columns of groups, times and weights that there are, by what they are."""
        return _roles_of(self)


@dataclass(frozen=True)
class Hints:
    """What the user says of the data; what is empty is the modality's to find out.

    Attributes:
        targets: The column that holds the target, or the columns that together are one.
        inputs: The columns that hold the sample: texts, or a path.
        problem: The name of the problem; several, separated by commas, have a column of targets each, in their order.
        group, time, weight: The columns of these, as in `Task`. They are never guessed: a column called weight may be
            a feature, or the target.
        unlabeled: A folder of samples without targets.
    """

    targets: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    problem: str = ""
    group: str = ""
    time: str = ""
    weight: str = ""
    unlabeled: str = ""

    @property
    def roles(self) -> dict[str, str]:
        """The columns of groups, times and weights that were named, by what they are."""
        return _roles_of(self)

    def each(self) -> Sequence[Hints]:
        """The same for each problem alone: one with all of the target columns, or where several problems are named one
        with one column each.

        Raises:
            BadInput: There are not as many columns of targets as problems.
        """
        names = [name.strip() for name in self.problem.split(",")]
        if len(names) == 1:
            return [self]
        if len(self.targets) != len(names):
            raise BadInput(
                f"--problem {self.problem} are {len(names)} problems, and need a --target each in the same order; "
                f"{len(self.targets)} are named."
            )
        return [
            replace(self, problem=name, targets=(target,)) for name, target in zip(names, self.targets, strict=True)
        ]


def _roles_of(named: Task | Hints) -> dict[str, str]:
    """The columns of groups, times and weights that are named, by `"group"`, `"time"` and `"weight"`."""
    return {role: column for role in ROLES if (column := getattr(named, role))}


@dataclass(frozen=True)
class Claim:
    """A modality's "this looks like mine".

    Attributes:
        task: The task as the modality would set it.
        confidence: From 0 to 1; of several claims the highest wins.
        why: What was recognized, for the user.
        unused: Files, folders or columns that the task does not use.
    """

    task: Task
    confidence: float
    why: str
    unused: tuple[str, ...] = ()

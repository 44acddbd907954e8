"""`Task` says what to solve, of each `TaskTarget`; `InferredTask` is a modality's proposal of one, `Hints` what the
user says beforehand.

A task comes from a `task.toml`, or from the modality that recognizes the data. It names no backbone and no
strategy: what to allow is the search's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import Field, field_validator, model_validator

from autosft.contracts.document import Document
from autosft.errors import BadInput

ROLES = ("group", "time", "weight")
"""What a column of a table may be, beside an input or a target."""


class TaskTarget(Document):
    """One thing that is asked of each row.

    Attributes:
        problem: The name of the problem that it is.
        columns: Where it is written: a column, the modality's own word for it, or several columns that together are one
            target.
        name: What it is called in answers, scores and messages; by default its column, or where it has several its
            problem.
        metric: The score of its answers that counts; empty means the problem's first.
        weight: Its fraction, beside those of the other targets, in the loss and in the score.
    """

    problem: str
    columns: str | tuple[str, ...] = "label"
    name: str = Field(default="", min_length=1)
    metric: str = ""
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, plain: Any) -> Any:
        if not isinstance(plain, dict):
            return plain
        given = cast("dict[str, Any]", plain)
        columns = given.get("columns", "label")
        usual = columns if isinstance(columns, str) else given.get("problem")
        return {**given, "name": given.get("name") or usual}


class Task(Document):
    """One fine-tuning task.

    Attributes:
        name: A short name, used for the run's folder and in leaderboards.
        modality: The name of the modality that reads the data, such as `"image"`.
        data: The modality's own table: where the data lies and how it is laid out.
        targets: What is asked of each row, usually one thing; several share one encoder. Names are unique.
        group: The column whose rows of one value stay on one side of every split; empty if there is none.
        time: The column by which rows are split: training rows are the earliest, test rows the latest.
        weight: The column of the weights of rows in the loss.
        unlabeled: Paths of more rows, without targets: files, folders, tables, archives.
    """

    name: str = Field(min_length=1)
    modality: str
    data: Mapping[str, Any]
    targets: tuple[TaskTarget, ...] = Field(min_length=1)
    group: str = ""
    time: str = ""
    weight: str = ""
    unlabeled: tuple[str, ...] = ()

    @field_validator("targets")
    @classmethod
    def _distinct(cls, targets: tuple[TaskTarget, ...]) -> tuple[TaskTarget, ...]:
        name, count = Counter(target.name for target in targets).most_common(1)[0]
        if count > 1:
            raise ValueError(f"{count} targets are called {name!r}; give each a name of its own")
        return targets

    @property
    def target_names(self) -> tuple[str, ...]:
        """What the targets are called, in their order."""
        return tuple(target.name for target in self.targets)

    def with_metrics(self, metrics: Sequence[str]) -> Task:
        """The same task with a metric for each target, in their order."""
        pairs = zip(self.targets, metrics, strict=True)
        targets = tuple(target.model_copy(update={"metric": metric}) for target, metric in pairs)
        return self.model_copy(update={"targets": targets})

    @property
    def problems(self) -> tuple[str, ...]:
        """The names of the problems, each once."""
        return tuple(dict.fromkeys(target.problem for target in self.targets))

    @property
    def owners(self) -> tuple[str, ...]:
        """For each target the name under which a recipe has the parameters of its problem: the problem's, or
        `"problem.target"` where several targets are of one problem."""
        counts = Counter(target.problem for target in self.targets)
        return tuple(one.problem if counts[one.problem] == 1 else f"{one.problem}.{one.name}" for one in self.targets)

    @property
    def score_name(self) -> str:
        """What the search maximizes, in words: the metric of the one target, or the mean of those of several."""
        names = list(dict.fromkeys(target.metric for target in self.targets))
        if len(self.targets) == 1:
            return names[0]
        mean = "mean" if len({target.weight for target in self.targets}) == 1 else "weighted mean"
        return f"{mean} {names[0]}" if len(names) == 1 else f"{mean} of {' and '.join(names)}"

    @property
    def roles(self) -> dict[str, str]:
        """The columns of groups, times and weights that there are, by what they are."""
        return _roles_of(self)


@dataclass(frozen=True)
class Hints:
    """What the user says of the data; what is empty is the modality's to find out.

    Attributes:
        targets: The column that holds the target, or the columns that together are one; of several problems one each.
        inputs: The columns that hold the sample: texts, or a path.
        problem: The name of the problem; several, separated by commas, have a column of targets each, in their order.
        group: The column of groups, as in `Task`; never guessed, as neither are the next two.
        time: The column of times.
        weight: The column of weights: a column that is called so may be a feature, or the target.
        unlabeled: Paths of rows without targets, as in `Task`.
    """

    targets: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    problem: str = ""
    group: str = ""
    time: str = ""
    weight: str = ""
    unlabeled: tuple[str, ...] = ()

    @property
    def roles(self) -> dict[str, str]:
        """The columns of groups, times and weights that were named, by what they are."""
        return _roles_of(self)

    def each(self) -> Sequence[Hints]:
        """The same for each target alone: one with all of the target columns, or where several problems are named one
        with one column each.

        Raises:
            BadInput: There are not as many columns of targets as problems, or one is named twice.
        """
        names = [name.strip() for name in self.problem.split(",")]
        if len(names) == 1:
            return [self]
        if len(self.targets) != len(names):
            raise BadInput(
                f"--problem {self.problem} are {len(names)} problems, and need a --target each in the same order; "
                f"{len(self.targets)} are named."
            )
        if len(set(self.targets)) < len(names):
            raise BadInput(
                f"--target {' '.join(self.targets)} names a column twice, and targets are called by their columns; "
                "in a task.toml each may have a name of its own."
            )
        return [
            replace(self, problem=name, targets=(target,)) for name, target in zip(names, self.targets, strict=True)
        ]


def _roles_of(named: Task | Hints) -> dict[str, str]:
    """The columns of groups, times and weights that are named, by `"group"`, `"time"` and `"weight"`."""
    return {role: column for role in ROLES if (column := getattr(named, role))}


@dataclass(frozen=True)
class InferredTask:
    """A modality's "this looks like mine".

    Attributes:
        task: The task as the modality would set it.
        confidence: From 0 to 1; the most confident of several modalities wins.
        why: What was recognized, for the user.
        unused: Files, folders or columns that the task does not use.
    """

    task: Task
    confidence: float
    why: str
    unused: tuple[str, ...] = ()

"""`Answers`: what was said of rows that the model was not trained on, for one target. `Sample`: a row to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.record import Record
from autosft.contracts.rows import Row, Rows
from autosft.contracts.scoring import known, metrics_of, tuned
from autosft.contracts.state import State
from autosft.errors import BadInput
from autosft.report.account import Account

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What was said of the test rows, or where there are none of the validation rows, for one target.

    Attributes:
        problem: What was asked.
        split: `"test"` or `"valid"`.
        rows: The rows that have the target, in the order of the outputs.
        targets: Their targets, as written.
        outputs: What was answered, in numbers.
        state: What decides over the numbers.
    """

    problem: Problem
    split: Literal["test", "valid"]
    rows: Rows
    targets: Sequence[Any]
    outputs: Outputs
    state: State

    def decided(self) -> Sequence[Any]:
        """The answers, in the words of the targets."""
        return self.problem.decide(self.outputs, self.state)


@dataclass(frozen=True)
class Sample:
    """A row, and what is remarkable about it.

    Attributes:
        row: The row.
        given: Its target, in words.
        said: The model's answer, in words.
        why: How sure the model was, or how far off, in words.
    """

    row: Row
    given: str
    said: str
    why: str


def answers_of(account: Account, problems: Sequence[Problem]) -> Sequence[Answers]:
    """What was answered for each target: by the model to the test rows, if that was stored; else by the chosen trials
    to the validation rows, or where they were cross-validated out of fold to those of training too; of a blend the
    weighted mean of its members' answers.

    Raises:
        BadInput: They were not stored or are damaged; says which.
    """
    if tested := account.tested():
        rows = tested.rows
        parts = zip(problems, tested.outputs, tested.states, strict=True)
        return [
            _answers(problem, "test", rows, number, outputs, state)
            for number, (problem, outputs, state) in enumerate(parts)
        ]
    members = [_stored(account, record) for record in account.chosen]
    shares = account.result.shares if account.result else (1.0,)
    metrics = metrics_of(account.task.targets, problems)
    found: list[Answers] = []
    for number, problem in enumerate(problems):
        outputs = problem.combine([member.outputs[number] for member in members], shares)
        rows, state = members[0].rows, members[0].states[number]
        if len(members) > 1:
            state = tuned(problem, metrics[number], outputs, rows.target(number), state)
        found.append(_answers(problem, "valid", rows, number, outputs, state))
    return found


def _answers(
    problem: Problem, split: Literal["test", "valid"], rows: Rows, number: int, outputs: Outputs, state: State
) -> Answers:
    """What was said of the rows that have the target."""
    some, targets = known(outputs, rows.target(number))
    return Answers(problem, split, rows.with_target(number), targets, some, state)


def _stored(account: Account, record: Record) -> StoredOutputs:
    stored = account.outputs(record)
    if stored is None:
        raise BadInput(f"what trial {record.number} answered on the validation rows was not stored")
    return stored

"""`answers_of`: what was said of rows that the model was not trained on, for each target of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.record import Record
from autosft.contracts.rows import Rows
from autosft.contracts.scoring import known, metrics_of, tuned
from autosft.contracts.section import Answers
from autosft.contracts.state import State
from autosft.errors import BadInput
from autosft.report.account import Account

Floats = npt.NDArray[np.float64]


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
            _answers(account, problem, "test", rows, number, outputs, state)
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
        found.append(_answers(account, problem, "valid", rows, number, outputs, state))
    return found


def _answers(
    account: Account,
    problem: Problem,
    split: Literal["test", "valid"],
    rows: Rows,
    number: int,
    outputs: Outputs,
    state: State,
) -> Answers:
    """What was said of the rows that have the target."""
    some, targets = known(outputs, rows.target(number))
    columns = account.task.targets[number].columns
    names = (columns,) if isinstance(columns, str) else columns
    return Answers(problem, split, rows.with_target(number), targets, some, state, names)


def _stored(account: Account, record: Record) -> StoredOutputs:
    stored = account.outputs(record)
    if stored is None:
        raise BadInput(f"what trial {record.number} answered on the validation rows was not stored")
    return stored

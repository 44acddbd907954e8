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
from autosft.report.saved_run import SavedRun

Floats = npt.NDArray[np.float64]


def answers_of(saved_run: SavedRun, problems: Sequence[Problem]) -> Sequence[Answers]:
    """What was answered for each target: by the model to the test rows, if that was stored; else by the chosen trials
    to the validation rows, or where they were cross-validated out of fold to those of training too; of an ensemble the
    weighted mean of its members' answers.

    Raises:
        BadInput: They were not stored or are damaged; says which.
    """
    if stored := saved_run.test_outputs():
        rows = stored.rows
        parts = zip(problems, stored.outputs, stored.states, strict=True)
        return [
            _answers(saved_run, problem, "test", rows, number, outputs, state)
            for number, (problem, outputs, state) in enumerate(parts)
        ]
    members = [_stored(saved_run, record) for record in saved_run.chosen]
    weights = saved_run.result.weights if saved_run.result else (1.0,)
    metrics = metrics_of(saved_run.task.targets, problems)
    found: list[Answers] = []
    for number, problem in enumerate(problems):
        outputs = problem.combine([member.outputs[number] for member in members], weights)
        rows, state = members[0].rows, members[0].states[number]
        if len(members) > 1:
            state = tuned(problem, metrics[number], outputs, rows.target(number), state)
        found.append(_answers(saved_run, problem, "valid", rows, number, outputs, state))
    return found


def _answers(
    saved_run: SavedRun,
    problem: Problem,
    split: Literal["test", "valid"],
    rows: Rows,
    number: int,
    outputs: Outputs,
    state: State,
) -> Answers:
    """What was said of the rows that have the target."""
    some, targets = known(outputs, rows.target(number))
    columns = saved_run.task.targets[number].columns
    names = (columns,) if isinstance(columns, str) else columns
    return Answers(problem, split, rows.with_target(number), targets, some, state, names)


def _stored(saved_run: SavedRun, record: Record) -> StoredOutputs:
    stored = saved_run.outputs(record)
    if stored is None:
        raise BadInput(f"what trial {record.number} answered on the validation rows was not stored")
    return stored

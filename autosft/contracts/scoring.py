"""Scores of a task's targets together: which metrics, on which rows, and the mean of them.

One target is scored by `Problem.score`. Where a task has several, some rows may lack one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.state import State
from autosft.contracts.task import TaskTarget


def known(outputs: Outputs, targets: Sequence[Any]) -> tuple[Outputs, Sequence[Any]]:
    """The answers to the rows that have the target, and their targets; a target of None is missing."""
    there = [row for row, target in enumerate(targets) if target is not None]
    if len(there) == len(targets):
        return outputs, targets
    return outputs.take(np.array(there, dtype=np.int64)), [targets[row] for row in there]


def tuned(problem: Problem, metric: str, outputs: Outputs, targets: Sequence[Any], state: State) -> State:
    """What `Problem.tune` chooses on the rows that have the target; without any the state as it is."""
    some, true = known(outputs, targets)
    return problem.tune(metric, some, true, state) if len(true) else state


def metrics_of(asked: Sequence[TaskTarget], problems: Sequence[Problem]) -> list[str]:
    """The score of each target: the one that the task names, or the first of its problem."""
    return [target.metric or problem.metrics[0] for target, problem in zip(asked, problems, strict=True)]


def mean_score(
    asked: Sequence[TaskTarget],
    problems: Sequence[Problem],
    outputs: Sequence[Outputs],
    targets: Sequence[Sequence[Any]],
    states: Sequence[State],
) -> float:
    """The score of answers, the weighted mean over the targets; one of each of these for each target.

    A target is scored on the rows that have it; one that none has does not count.

    Args:
        asked: What was asked, with the score and the weight of each.
        problems: Their problems.
        outputs: The answers.
        targets: What is true; None where it is missing.
        states: What decides over the answers.
    """
    scores, weights = list[float](), list[float]()
    parts = zip(asked, problems, metrics_of(asked, problems), map(known, outputs, targets), states, strict=True)
    for target, problem, metric, (answers, true), state in parts:
        if len(true):
            scores.append(target.weight * problem.score(metric, answers, true, state))
            weights.append(target.weight)
    return sum(scores) / sum(weights)


def highest_score(asked: Sequence[TaskTarget], problems: Sequence[Problem]) -> float:
    """The highest that `mean_score` can be."""
    parts = zip(asked, problems, metrics_of(asked, problems), strict=True)
    highest = [target.weight * problem.highest(metric) for target, problem, metric in parts]
    return sum(highest) / sum(target.weight for target in asked)

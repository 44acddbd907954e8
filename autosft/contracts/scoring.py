"""Scores of a task's targets together: which metrics, on which rows, and the mean of them.

One target is scored by `Problem.score`. Where a task has several, some rows may lack one. `scorer` asks the problems
once, and scores any choice of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from autosft.contracts.metric import Metric
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.state import State
from autosft.contracts.task import TaskTarget

Positions = npt.NDArray[np.integer[Any]]


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
    """The name of each target's score: the one that the task names, or the first of its problem."""
    return [problem.metric(target.metric).name for target, problem in zip(asked, problems, strict=True)]


@dataclass(frozen=True)
class _Target:
    """One target: what its metric is computed from, and for each row its place in it, or -1 if the row lacks it."""

    weight: float
    metric: Metric
    compared: Mapping[str, Any]
    places: npt.NDArray[np.int64]


def scorer(
    asked: Sequence[TaskTarget],
    problems: Sequence[Problem],
    outputs: Sequence[Outputs],
    targets: Sequence[Sequence[Any]],
    states: Sequence[State],
) -> Callable[[Positions], float]:
    """A function from positions of rows to the score of the answers to them: the weighted mean over the targets.

    A target is scored on the rows that have it; one that none has does not count. Targets are looked at once, whatever
    the number of draws, as a bootstrap asks for hundreds.

    Args:
        asked: What was asked, with the score and the weight of each; for each target one of these and of the following.
        problems: Their problems.
        outputs: The answers.
        targets: What is true; None where it is missing.
        states: What decides over the answers.

    Raises:
        UnknownName: A problem has no such metric.
    """
    parts: list[_Target] = []
    names = metrics_of(asked, problems)
    for one, problem, name, answers, true, state in zip(asked, problems, names, outputs, targets, states, strict=True):
        there = np.array([target is not None for target in true], dtype=bool)
        if there.any():
            some, written = known(answers, true)
            places = np.where(there, there.cumsum() - 1, -1)
            parts.append(_Target(one.weight, problem.metric(name), problem.compared(some, written, state), places))

    def score(positions: Positions) -> float:
        scores, weights = list[float](), list[float]()
        for part in parts:
            chosen = part.places[positions]
            chosen = chosen[chosen >= 0]
            if len(chosen):
                drawn = {name: _taken(values, chosen) for name, values in part.compared.items()}
                scores.append(part.weight * part.metric.score(drawn))
                weights.append(part.weight)
        return sum(scores) / sum(weights)

    return score


def _taken(values: Any, positions: Positions) -> Any:
    if isinstance(values, np.ndarray):
        return cast("npt.NDArray[Any]", values)[positions]
    chosen: list[int] = positions.tolist()
    return [values[position] for position in chosen]


def mean_score(
    asked: Sequence[TaskTarget],
    problems: Sequence[Problem],
    outputs: Sequence[Outputs],
    targets: Sequence[Sequence[Any]],
    states: Sequence[State],
) -> float:
    """The score of answers, the weighted mean over the targets, from what `scorer` takes."""
    return scorer(asked, problems, outputs, targets, states)(np.arange(len(targets[0])))


def highest_score(asked: Sequence[TaskTarget], problems: Sequence[Problem]) -> float:
    """The highest that `mean_score` can be."""
    highest = [one.weight * problem.metric(one.metric).highest for one, problem in zip(asked, problems, strict=True)]
    return sum(highest) / sum(one.weight for one in asked)

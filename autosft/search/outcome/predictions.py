"""`Predictions`: what trials answered on the same rows, and how good any of them are together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.record import TOO_FEW_VALID, Record
from autosft.contracts.rows import Rows
from autosft.contracts.scoring import mean_score, metrics_of, tuned
from autosft.contracts.state import State
from autosft.contracts.task import TaskTarget
from autosft.data.splits import strata_of
from autosft.data.stratify import hold_out, numbered
from autosft.errors import BadInput
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.search.outcome.choice import Expected, weighed, within_an_error

FEW_ROWS = 300
"""With fewer labelled rows all members of an ensemble count alike: see docs/explanation/search.md."""

CONSIDERED = 30
"""How many of the best trials are looked at."""

Positions = npt.NDArray[np.int64]
Weights = Mapping[int, float]
"""By trial; they add up to 1."""


@final
class Predictions:
    """What trials answered on the same rows. Those whose answers have no common mean are left out.

    Args:
        asked: The task's targets.
        problems: The problem of each.
        valid: The rows.
        stored: The answers to them by trial, the best first.
        whole: Whether these are all labelled rows, answered out of fold.

    Attributes:
        few: Whether these are too few to tell by them which trials are better, and how much each should count: fewer
            than 300 labelled rows, or fewer than 100 of a split.
    """

    def __init__(
        self,
        asked: Sequence[TaskTarget],
        problems: Sequence[Problem],
        valid: Rows,
        stored: Mapping[int, StoredOutputs],
        *,
        whole: bool,
    ) -> None:
        self.few = len(valid) < (FEW_ROWS if whole else TOO_FEW_VALID)
        self._asked, self._problems = asked, problems
        self._targets = [valid.target(position) for position in range(len(problems))]
        self._strata = strata_of(problems[0], valid)
        self._groups = numbered([group or number for number, group in enumerate(valid.group)])
        first = next(iter(stored.values()), None)
        self._stored = {
            number: one
            for number, one in stored.items()
            if first and _uniform(problems, first, one) and self._have_mean(one)
        }
        self.rows = np.arange(len(valid))

    @property
    def trials(self) -> Sequence[int]:
        """Who can answer together, the best first."""
        return list(self._stored)

    def halves(self, seed: int) -> tuple[Positions, Positions]:
        """The rows in two halves, in proportion to their strata; groups stay whole."""
        held = hold_out(self._strata, self._groups, 2, np.random.default_rng(seed))
        return self.rows[held], self.rows[~held]

    def tuned(self, weights: Weights, rows: Positions) -> tuple[State, ...]:
        """What decides best over the common answers to these rows."""
        return self._tuned(weights, self._answers(weights, rows), rows)

    def score(self, weights: Weights, rows: Positions, states: Sequence[State] = ()) -> float:
        """How good the common answers to these rows are, the weighted mean over the targets.

        Args:
            weights: Who answers.
            rows: Which rows.
            states: What decides over the answers; by default what decides best on these rows.
        """
        answers = self._answers(weights, rows)
        states = states or self._tuned(weights, answers, rows)
        return mean_score(self._asked, self._problems, answers, self._of(rows), states)

    def scores(self, rows: Positions) -> dict[int, float]:
        """How good each trial alone is on these rows."""
        return {number: self.score({number: 1.0}, rows) for number in self._stored}

    def _tuned(self, weights: Weights, answers: Sequence[Outputs], rows: Positions) -> tuple[State, ...]:
        states = self._stored[next(iter(weights))].states
        metrics = metrics_of(self._asked, self._problems)
        parts = zip(self._problems, metrics, answers, self._of(rows), states, strict=True)
        return tuple(tuned(*part) for part in parts)

    def _of(self, rows: Positions) -> list[list[Any]]:
        """What is true of these rows, for each target."""
        return [[targets[row] for row in rows.tolist()] for targets in self._targets]

    def _answers(self, weights: Weights, rows: Positions) -> list[Outputs]:
        many = [self._stored[number].outputs for number in weights]
        return [
            problem.combine([outputs[position].take(rows) for outputs in many], list(weights.values()))
            for position, problem in enumerate(self._problems)
        ]

    def _have_mean(self, stored: StoredOutputs) -> bool:
        try:
            for problem, outputs in zip(self._problems, stored.outputs, strict=True):
                problem.combine([outputs, outputs], [0.5, 0.5])
        except BadInput:
            return False
        return True


def _uniform(problems: Sequence[Problem], one: StoredOutputs, other: StoredOutputs) -> bool:
    """Whether two trials answer the same rows in the same terms."""
    return np.array_equal(one.rows.numbers, other.rows.numbers) and _terms(problems, one) == _terms(problems, other)


def _terms(problems: Sequence[Problem], stored: StoredOutputs) -> Any:
    """For each target the shapes of the answers, and the classes that these are chosen from."""
    parts = zip(problems, stored.outputs, stored.states, strict=True)
    return [
        ({name: array.shape for name, array in outputs.arrays.items()}, list(problem.classes(state)))
        for problem, outputs, state in parts
    ]


def read_predictions(run: Run, registry: Registry, records: Iterable[Record]) -> tuple[Predictions, Mapping[int, str]]:
    """The predictions of the best trials that have stored outputs; and for each of them whose outputs are damaged, what
    is wrong.

    The rows are those of all folds, and trials that answered the validation split alone have no part; unless that has
    rows enough and one of these may be the best: then they are those of the split, for all.
    """
    stored: dict[int, StoredOutputs] = {}
    damaged: dict[int, str] = {}
    done = sorted((record for record in records if record.state == "done"), key=Record.order)
    for record in done:
        folder = run.member_folder(record)
        if len(stored) < CONSIDERED and StoredOutputs.is_there(folder):
            try:
                stored[record.number] = StoredOutputs.read(folder, run.data.valid.columns)
            except BadInput as error:
                damaged[record.number] = str(error)
    task, rows = run.document.task, run.data.valid
    there = [record for record in done if record.number in stored and record.score is not None]
    values = weighed(there, Expected.of(registry, run.document.plan))
    there.sort(key=lambda record: -values[record.number])
    crossed = [record.split_score is not None for record in there]
    few = len(run.data.valid) < TOO_FEW_VALID and any(crossed)
    if there and (few or all(record.split_score is not None for record in within_an_error(there, values))):
        rows = run.data.train + run.data.valid
    answers = {record.number: some for record in there if (some := _answers_to(rows, stored[record.number]))}
    return Predictions(
        task.targets, registry.problems_of(task), rows, answers, whole=len(rows) > len(run.data.valid)
    ), damaged


def _answers_to(rows: Rows, stored: StoredOutputs) -> StoredOutputs | None:
    """The answers to these rows, in their order; None if one was not answered."""
    order = np.argsort(stored.rows.numbers)
    answered = stored.rows.numbers[order]
    found = np.searchsorted(answered, rows.numbers).clip(max=len(answered) - 1)
    if not np.array_equal(answered[found], rows.numbers):
        return None
    positions = order[found]
    return StoredOutputs(rows, tuple(outputs.take(positions) for outputs in stored.outputs), stored.states)

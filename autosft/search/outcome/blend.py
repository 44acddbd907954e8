"""`blend`: which trials answer together, by what they answered on the validation rows, and whether that pays.

Greedy ensemble selection with replacement (Caruana et al., 2004) from a pool of the best few (Caruana et al., 2006). A
few hundred validation rows flatter whatever was chosen by them, so the choice is made on halves of the rows, and scored
on the others: the blend is the mean of what the halves chose, and it is taken only if it was better than the single
model on rows that had no say in it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Outputs, Problem, mean_score, metrics_of
from autosft.contracts.record import Record
from autosft.contracts.rows import Rows
from autosft.contracts.state import State
from autosft.data.stratify import hold_out, numbered
from autosft.errors import BadInput
from autosft.host.registry import Registry
from autosft.search.run import Run
from autosft.training.seeds import seed_of

MOST_MEMBERS = 5
"""Each member makes predictions slower."""

CONSIDERED = 30
"""How many of the best trials are looked at."""

LEAST_SHARE = 0.1
"""A member with a smaller share makes predictions slower for nearly nothing: see benchmarks/README.md."""

POOL = 10
"""Members are chosen among so many trials, those with the highest scores."""

STEPS = 10
"""A member's share is a multiple of one divided by the number of steps, which is at most this."""

REPEATS = 10
"""How often the rows are halved; each half chooses once."""

SAME = 1e-9
"""Scores that differ by less are equal but for rounding."""

Positions = npt.NDArray[np.int64]
Team = Mapping[int, float]
"""Shares by trial; they add up to 1."""


@final
@dataclass(frozen=True)
class Blend:
    """Several trials that answer together.

    Attributes:
        shares: Of each trial, the largest first; they add up to 1.
        states: For each problem, what decides over the common answers.
        score: On the validation rows, which had a say in the choice.
        gain: How much better than a single model, chosen by the same rows, it was on rows that had no say.
    """

    shares: Team
    states: tuple[State, ...]
    score: float
    gain: float

    @property
    def pays(self) -> bool:
        """Whether it is better than a single model; see benchmarks/README.md for stricter rules."""
        return self.gain > SAME


@final
class Panel:
    """What trials answered on the validation rows. Those whose answers have no common mean are left out.

    Args:
        problems: The task's problems.
        metric: The score of the first; every further one has its own first metric, as in `training.evaluation`.
        valid: The validation rows.
        stored: By trial, the best first.
    """

    def __init__(
        self, problems: Sequence[Problem], metric: str, valid: Rows, stored: Mapping[int, StoredOutputs]
    ) -> None:
        self._problems, self._metric = problems, metric
        self._targets = [valid.target(position) for position in range(len(problems))]
        self._strata = problems[0].strata(valid.target(0))
        self._units = numbered([group or number for number, group in enumerate(valid.group)])
        first = next(iter(stored.values()), None)
        self._stored = {
            number: one for number, one in stored.items() if first and _alike(first, one) and self._have_mean(one)
        }
        self.rows = np.arange(len(valid))

    @property
    def trials(self) -> Sequence[int]:
        """Who can answer together, the best first."""
        return list(self._stored)

    def halves(self, seed: int) -> tuple[Positions, Positions]:
        """The rows in two halves, in proportion to their strata; groups stay whole."""
        held = hold_out(self._strata, self._units, 2, np.random.default_rng(seed))
        return self.rows[held], self.rows[~held]

    def tuned(self, team: Team, rows: Positions) -> tuple[State, ...]:
        """What decides best over the common answers to these rows."""
        return self._tuned(team, self._answers(team, rows), rows)

    def score(self, team: Team, rows: Positions, states: Sequence[State] = ()) -> float:
        """How good the common answers to these rows are, the mean over the problems.

        Args:
            team: Who answers.
            rows: Which rows.
            states: What decides over the answers; by default what decides best on these rows.
        """
        answers = self._answers(team, rows)
        states = states or self._tuned(team, answers, rows)
        return mean_score(self._problems, self._metric, answers, self._of(rows), states)

    def scores(self, rows: Positions) -> dict[int, float]:
        """How good each trial alone is on these rows."""
        return {number: self.score({number: 1.0}, rows) for number in self._stored}

    def _tuned(self, team: Team, answers: Sequence[Outputs], rows: Positions) -> tuple[State, ...]:
        states = self._stored[next(iter(team))].states
        metrics = metrics_of(self._problems, self._metric)
        parts = zip(self._problems, metrics, answers, self._of(rows), states, strict=True)
        return tuple(
            problem.tune(metric, outputs, targets, state) for problem, metric, outputs, targets, state in parts
        )

    def _of(self, rows: Positions) -> list[list[Any]]:
        """The targets of these rows, for each problem."""
        return [[targets[row] for row in rows.tolist()] for targets in self._targets]

    def _answers(self, team: Team, rows: Positions) -> list[Outputs]:
        many = [self._stored[number].outputs for number in team]
        return [
            problem.combine([outputs[position].take(rows) for outputs in many], list(team.values()))
            for position, problem in enumerate(self._problems)
        ]

    def _have_mean(self, stored: StoredOutputs) -> bool:
        try:
            for problem, outputs in zip(self._problems, stored.outputs, strict=True):
                problem.combine([outputs, outputs], [0.5, 0.5])
        except BadInput:
            return False
        return True


def _alike(one: StoredOutputs, other: StoredOutputs) -> bool:
    """Whether two trials answer the same rows in the same terms."""
    return all(_terms(*pair) == _terms(*to) for pair, to in zip(_pairs(one), _pairs(other), strict=True))


def _pairs(stored: StoredOutputs) -> Sequence[tuple[Outputs, State]]:
    return list(zip(stored.outputs, stored.states, strict=True))


def _terms(outputs: Outputs, state: State) -> Any:
    shapes = {name: array.shape for name, array in outputs.arrays.items()}
    return outputs.rows, shapes, list(state.values.get("classes", ()))


def read_panel(run: Run, registry: Registry, records: Iterable[Record]) -> tuple[Panel, Mapping[int, str]]:
    """The panel of the best trials that have stored outputs; and for each of them whose outputs are damaged, what is
    wrong."""
    stored: dict[int, StoredOutputs] = {}
    damaged: dict[int, str] = {}
    done = sorted((record for record in records if record.state == "done"), key=Record.order)
    for record in done:
        folder = run.member_folder(record)
        if len(stored) < CONSIDERED and StoredOutputs.is_there(folder):
            try:
                stored[record.number] = StoredOutputs.read(folder)
            except BadInput as error:
                damaged[record.number] = str(error)
    task = run.document.task
    problems = [registry.problem(name) for name in task.problems]
    return Panel(problems, task.metric, run.data.valid, stored), damaged


def select(panel: Panel, rows: Positions, own: Mapping[int, float]) -> dict[int, float]:
    """The shares of the trials that answer these rows best together, the largest first; they add up to 1.

    Args:
        panel: The answers; of equals the trial that stands first is taken.
        rows: Which rows have a say.
        own: The score of each trial alone on these rows.
    """
    pool = sorted(panel.trials, key=lambda number: -own[number])[:POOL]
    taken, best = Counter(pool[:1]), Counter(pool[:1])
    highest = own[pool[0]]
    for _ in range(STEPS - 1):
        options = [number for number in pool if number in taken or len(taken) < MOST_MEMBERS]
        scores = [panel.score(_shares(taken + Counter([number])), rows) for number in options]
        at = int(np.argmax(scores))
        taken[options[at]] += 1
        if scores[at] > highest:
            highest, best = scores[at], taken.copy()
    return _shares(best)


def blend(
    panel: Panel,
    members: Collection[int],
    alone: Callable[[Mapping[int, float]], int],
    *,
    seed: int,
    seconds: float = float("inf"),
) -> Blend | None:
    """The trials that answer best together; None if no two do, or the rows, such as those of one group, have no halves.

    Args:
        panel: The answers.
        members: The trials that may be taken: their models are there.
        alone: Which trial would be taken alone, given the score of each.
        seed: Decides how the rows are halved.
        seconds: After so many seconds the rows are halved no more; once they always are.
    """
    if len(panel.trials) < 2:
        return None
    taken: Counter[int] = Counter()
    gains: list[float] = []
    started = time.monotonic()
    for repeat in range(REPEATS):
        if gains and time.monotonic() - started > seconds:
            break
        one, other = panel.halves(seed_of(seed, "halves", repeat))
        if not len(one) or not len(other):
            continue
        for choosing, judging in ((one, other), (other, one)):
            own = panel.scores(choosing)
            team, single = select(panel, choosing, own), {alone(own): 1.0}
            gains.append(
                panel.score(team, judging, panel.tuned(team, choosing))
                - panel.score(single, judging, panel.tuned(single, choosing))
            )
            taken.update(team)
    shares = _shares({number: share for number, share in taken.most_common() if number in members})
    if len(shares) < 2:  # or the rows could not be halved
        return None
    states = panel.tuned(shares, panel.rows)
    return Blend(shares, states, panel.score(shares, panel.rows, states), float(np.mean(gains)))


def _shares(taken: Mapping[int, float]) -> dict[int, float]:
    """The shares of those that were taken most, but of none that would hardly count; they add up to 1."""
    least = LEAST_SHARE * sum(taken.values())
    ranked = sorted(taken.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_MEMBERS]
    ranked = [entry for entry in ranked if entry[1] >= least]
    total = sum(count for _, count in ranked)
    return {number: count / total for number, count in ranked}

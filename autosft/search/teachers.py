"""`Teachers`: who would teach a new trial. It is fixed when the trial begins, and lies in the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import final

from autosft.contracts.record import Record
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.search.memory.trials import Trials
from autosft.search.outcome.choice import Expected, choose
from autosft.search.outcome.ensemble import likely
from autosft.search.outcome.predictions import read_predictions
from autosft.search.space import has_teacher

MOST_TEACHERS = 3
"""So many models teach together: each is asked about all that the student sees."""


@final
class Teachers:
    """Chooses those that would answer together if the search ended now, the largest weights first; or the one that
    would be taken alone, where answers have no mean. Who was taught does not teach, so that recipes stay finite.

    Args:
        run: The run.
        registry: The parts.
        trials: What was tried.
    """

    def __init__(self, run: Run, registry: Registry, trials: Trials) -> None:
        self._run, self._registry, self._trials = run, registry, trials
        plan = run.document.plan
        self._expected = Expected.of(registry, plan)
        self._wanted = any(has_teacher(registry, name) for one in plan.candidates for name in one.strategies)
        self._ended, self._weights = 0, dict[int, float]()

    def now(self) -> Mapping[int, float]:
        """The weight of each that would teach, by number; empty if nobody can, or nobody wants to be taught."""
        if not self._wanted:
            return {}
        ended = self._trials.ended
        if self._ended != len(ended) or not all(map(self._run.has_model, self._weights)):
            self._ended, self._weights = len(ended), self._chosen(ended)
        return self._weights

    def _chosen(self, ended: Sequence[Record]) -> dict[int, float]:
        failed = {number for record in ended for number in record.failed_teachers}
        able = [
            record
            for record in ended
            if record.state == "done"
            and not record.recipe.teacher
            and record.number not in failed
            and self._run.has_model(record.number)
        ]
        predictions, _ = read_predictions(self._run, self._registry, able)
        if weights := dict(islice(likely(predictions, able, self._expected).items(), MOST_TEACHERS)):
            return {number: weight / sum(weights.values()) for number, weight in weights.items()}
        best = choose(able, self._expected)
        return {best.number: 1.0} if best else {}

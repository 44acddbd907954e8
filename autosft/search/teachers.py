"""`Teachers`: on which models of earlier trials a new one would build. That is fixed when the trial begins, and lies in
the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import final

from autosft.contracts.record import Record
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.search.memory.trials import Trials
from autosft.search.outcome.choice import MOST_ENCODERS, Expected, choose, lenders
from autosft.search.outcome.ensemble import likely
from autosft.search.outcome.predictions import read_predictions
from autosft.search.space import has_teacher

MOST_TEACHERS = 3
"""So many models teach together: each is asked about all that the student sees."""


@final
class Teachers:
    """Chooses teachers: those that would answer together if the search ended now, the largest weights first; or the one
    that would be taken alone, where answers have no mean. And encoders: those of the best trials that left theirs as it
    was, one of each other backbone. Recipes stay finite: who has been taught teaches nobody, and who has looked through
    encoders of others teaches, but lends nobody its own.

    Args:
        run: The run.
        registry: The parts.
        trials: What was tried.
    """

    def __init__(self, run: Run, registry: Registry, trials: Trials) -> None:
        self._run, self._registry, self._trials = run, registry, trials
        self._plan = plan = run.document.plan
        self._expected = Expected.of(registry, plan)
        self._ended, self._weights = 0, dict[int, float]()

    def of(self, strategy: str, backbone: str) -> Mapping[int, float]:
        """The weight of each model that a trial of this pair would be given, by number; empty if there is none, or it
        wants none.

        Args:
            strategy: Its strategy.
            backbone: Its backbone.
        """
        wants = self._registry.strategy(strategy).wants
        if "encoders" in wants:
            return self._encoders(self._trials.ended, backbone)
        return self._teachers() if "teacher" in wants else {}

    def _teachers(self) -> Mapping[int, float]:
        ended = self._trials.ended
        if self._ended != len(ended) or not all(map(self._run.has_model, self._weights)):
            self._ended, self._weights = len(ended), self._chosen(ended)
        return self._weights

    def _able(self, ended: Sequence[Record]) -> list[Record]:
        """The trials that may teach."""
        failed = {number for record in ended for number in record.failed_teachers}
        return [
            record
            for record in ended
            if record.state == "done"
            and not (record.recipe.teacher and "teacher" in self._registry.strategy(record.recipe.strategy).wants)
            and record.number not in failed
            and self._run.has_model(record.number)
        ]

    def _encoders(self, ended: Sequence[Record], backbone: str) -> dict[int, float]:
        """The best trial with a frozen encoder of each of the best other backbones, all alike; where no other can be
        tried, that of the backbone itself, which adds nothing."""
        best = lenders(self._able(ended), self._expected)
        numbers = [number for name, number in best.items() if name != backbone][:MOST_ENCODERS]
        if not numbers and not self._has_other(backbone):
            numbers = list(best.values())
        return {number: 1 / len(numbers) for number in numbers}

    def _has_other(self, backbone: str) -> bool:
        """Whether another backbone may be tried frozen."""
        names = {name for one in self._plan.candidates if one.info.name != backbone for name in one.strategies}
        return any(self._registry.strategy(name).cheap and not has_teacher(self._registry, name) for name in names)

    def _chosen(self, ended: Sequence[Record]) -> dict[int, float]:
        able = self._able(ended)
        predictions, _ = read_predictions(self._run, self._registry, able)
        if weights := dict(islice(likely(predictions, able, self._expected).items(), MOST_TEACHERS)):
            return {number: weight / sum(weights.values()) for number, weight in weights.items()}
        best = choose(able, self._expected)
        return {best.number: 1.0} if best else {}

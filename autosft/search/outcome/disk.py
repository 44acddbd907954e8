"""`Disk`: which models and checkpoints of a run are kept, and what they take."""

from __future__ import annotations

from typing import final

from autosft.contracts.record import Record
from autosft.host.registry import Registry
from autosft.search.memory.trials import Trials
from autosft.search.outcome.choice import contenders
from autosft.search.run import Run

KEPT_MODELS = 3
"""So many of the best models are kept, as long as the quota allows more than the one that may be chosen."""


@final
class Disk:
    """Keeps a run's folder within a quota.

    Args:
        run: The run.
        registry: The parts.
        trials: What was tried.
        quota: The most bytes of models and checkpoints.

    Attributes:
        used: The bytes of models and checkpoints.
    """

    def __init__(self, run: Run, registry: Registry, trials: Trials, quota: float) -> None:
        self._run, self._registry, self._trials, self._quota = run, registry, trials, quota
        self._models = {record.number for record in trials.ended}
        self.used = 0

    def tidy(self) -> list[Record]:
        """Delete the heavy files of trials that are out of the running.

        Where that is not enough, the worst paused trials are given up: their records, now `"stopped"`, are returned.
        """
        self._keep(KEPT_MODELS)
        paused = sorted(self._trials.paused, key=Record.order)
        stopped: list[Record] = []
        self.used = self._measured(paused)
        while self.used > self._quota and paused:
            record = paused.pop()
            self._run.drop_model(record.number)
            stopped.append(record.model_copy(update={"state": "stopped"}))
            self.used = self._measured(paused)
        if self.used > self._quota:
            self._keep(1)
            self.used = self._measured(paused)
        return stopped

    def _keep(self, count: int) -> None:
        ended = self._trials.ended
        kept = contenders(ended, self._registry, count)
        for number in (self._models | {record.number for record in ended[-1:]}) - kept:
            self._run.drop_model(number)
        self._models = kept

    def _measured(self, paused: list[Record]) -> int:
        numbers = self._models | {record.number for record in paused}
        return sum(self._run.bytes_of(number) for number in numbers)

"""`Disk`: which models, checkpoints and stored outputs of a run are kept, and what they take."""

from __future__ import annotations

from typing import final

from autosft.contracts.record import Record
from autosft.host.registry import Registry
from autosft.runs.run import OUTPUTS_SHARE, Run
from autosft.search.memory.trials import Trials
from autosft.search.outcome.blend import likely
from autosft.search.outcome.choice import Expected, contenders
from autosft.search.outcome.panel import read_panel

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
        used: The bytes of models, checkpoints, stored outputs and encoders that trials start from.
        team: The trials that would answer best together, as far as their models are kept; empty if a single model is
            asked for.
    """

    def __init__(self, run: Run, registry: Registry, trials: Trials, quota: float) -> None:
        self._run, self._registry, self._trials, self._quota = run, registry, trials, quota
        self._expected = Expected.of(registry, run.document.plan)
        self._models: set[int] = set()
        self._outputs: dict[int, int] = {}
        self._sizes: dict[int, tuple[int, int]] = {}  # after how many epochs, and the bytes
        self.used = 0
        self._ended = 0
        self.team: tuple[int, ...] = ()
        self._meet_new_trials()

    def tidy(self) -> list[Record]:
        """Delete the heavy files of trials that are out of the running.

        Where that is not enough, the models are given up that are kept for a blend alone, and then the worst paused
        trials: their records, now `"stopped"`, are returned.
        """
        self._meet_new_trials()
        self._keep(KEPT_MODELS, self.team)
        self._trim_outputs()
        paused = sorted(self._trials.paused, key=Record.order)
        stopped: list[Record] = []
        self.used = self._measured(paused)
        if self.used > self._quota:
            self._keep(KEPT_MODELS, ())
            self.used = self._measured(paused)
        while self.used > self._quota and paused:
            record = paused.pop()
            self._run.drop_model(record.number)
            stopped.append(record.model_copy(update={"state": "stopped"}))
            self.used = self._measured(paused)
        if self.used > self._quota:
            self._keep(1, ())
            self.used = self._measured(paused)
        return stopped

    def _meet_new_trials(self) -> None:
        """Take note of trials that have ended since, and choose the team anew."""
        ended = self._trials.ended
        if len(ended) == self._ended:
            return
        for record in ended[self._ended :]:
            self._models.add(record.number)
            self._outputs[record.number] = self._run.bytes_of_outputs(record.number)
        self._ended = len(ended)
        if not self._run.document.spec.single:
            there = [record for record in ended if self._run.has_model(record.number)]
            panel, _ = read_panel(self._run, self._registry, there)
            self.team = likely(panel, there, self._expected)

    def _keep(self, count: int, team: tuple[int, ...]) -> None:
        kept = contenders(self._trials.ended, self._expected, count) | set(team)
        for number in self._models - kept:
            self._run.drop_model(number)
        self._models &= kept
        self.team = tuple(number for number in self.team if number in kept)

    def _trim_outputs(self) -> None:
        """Delete the stored outputs of the worst trials until the others fit their share of the quota."""
        if sum(self._outputs.values()) <= OUTPUTS_SHARE * self._quota:
            return
        for record in sorted(self._trials.ended, key=Record.order, reverse=True):
            if record.number not in self._models and self._outputs.get(record.number):
                self._run.drop_outputs(record.number)
                self._outputs[record.number] = 0
                if sum(self._outputs.values()) <= OUTPUTS_SHARE * self._quota:
                    return

    def _measured(self, paused: list[Record]) -> int:
        stand = dict.fromkeys(self._models, -1) | {record.number: len(record.epochs) for record in paused}
        others = sum(size for number, size in self._outputs.items() if number not in stand)
        others += self._run.bytes_of_starts()
        return others + sum(self._bytes_of(number, epochs) for number, epochs in stand.items())

    def _bytes_of(self, number: int, epochs: int) -> int:
        """What a trial's files take, looked up once as long as it stands where it stood: most of them only wait."""
        if self._sizes.get(number, (None, 0))[0] != epochs:
            self._sizes[number] = epochs, self._run.bytes_of(number)
        return self._sizes[number][1]

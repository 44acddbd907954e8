"""`Disk`: which models, checkpoints and stored outputs of a run are kept, and what they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from autosft.contracts.record import Record
from autosft.host.registry import Registry
from autosft.runs.run import OUTPUTS_FRACTION, Run
from autosft.search.memory.trials import Trials
from autosft.search.outcome.choice import MOST_ENCODERS, Expected, contenders, lenders
from autosft.search.outcome.ensemble import likely
from autosft.search.outcome.predictions import read_predictions

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
        members: The trials that would answer best together, as far as their models are kept; empty if a single model is
            asked for.
    """

    def __init__(self, run: Run, registry: Registry, trials: Trials, quota: float) -> None:
        self._run, self._registry, self._trials, self._quota = run, registry, trials, quota
        self._expected = Expected.of(registry, run.document.plan)
        tried = {name for candidate in run.document.plan.candidates for name in candidate.strategies}
        self._lends = any("encoders" in registry.strategy(name).wants for name in tried)
        self._models: set[int] = set()
        self._outputs: dict[int, int] = {}
        self._sizes: dict[int, tuple[int, int]] = {}  # after how many epochs, and the bytes
        self.used = 0
        self._ended = 0
        self.members: tuple[int, ...] = ()
        self._meet_new_trials()

    def tidy(self) -> list[Record]:
        """Delete the heavy files of trials that are out of the running, and teach none that is not.

        Where that is not enough, the encoders go that no such trial starts from, then the models that are kept for an
        ensemble, or for others to look through, alone, and then the worst paused trials: their records, now
        `"stopped"`, are returned.
        """
        self._meet_new_trials()
        self._delete_all_but(KEPT_MODELS, self.members, self._lenders())
        self._trim_outputs()
        paused = sorted(self._trials.paused, key=Record.order)
        stopped: list[Record] = []
        if self._is_full(paused):
            self._delete_all_but(KEPT_MODELS, ())
        while self._is_full(paused) and paused:
            record = paused.pop()
            self._run.drop_model(record.number)
            stopped.append(record.model_copy(update={"state": "stopped"}))
        if self._is_full(paused):
            self._delete_all_but(1, ())
            self._is_full(paused)
        return stopped

    def _is_full(self, paused: Sequence[Record]) -> bool:
        """Whether the quota is used up, without the encoders too that nobody needs who is under way, paused or kept."""
        self.used = self._measured(paused)
        if self.used > self._quota:
            under_way = set(self._trials.unfinished) - {record.number for record in self._trials.paused}
            kept = [record.recipe for record in self._trials.ended if record.number in self._models]
            recipes = [*kept, *(record.recipe for record in paused), *map(self._trials.recipe, under_way)]
            if self._run.drop_starts({self._run.start_folder(one.start) for one in recipes if one.start}):
                self.used = self._measured(paused)
        return self.used > self._quota

    def _meet_new_trials(self) -> None:
        """Take note of trials that have ended since, and choose an ensemble anew."""
        ended = self._trials.ended
        if len(ended) == self._ended:
            return
        for record in ended[self._ended :]:
            self._models.add(record.number)
            self._outputs[record.number] = self._run.bytes_of_outputs(record.number)
        self._ended = len(ended)
        if not self._run.document.spec.single:
            there = [record for record in ended if self._run.has_model(record.number)]
            predictions, _ = read_predictions(self._run, self._registry, there)
            self.members = tuple(likely(predictions, there, self._expected))

    def _lenders(self) -> Sequence[int]:
        """The trials whose encoders the next one would look through, if anything that may be tried wants some."""
        there = [record for record in self._trials.ended if self._run.has_model(record.number)]
        return list(lenders(there, self._expected).values())[: MOST_ENCODERS + 1] if self._lends else ()

    def _delete_all_but(self, count: int, members: tuple[int, ...], lenders: Sequence[int] = ()) -> None:
        ended = [record for record in self._trials.ended if record.number in self._models]
        there = [record for record in ended if self._run.has_model(record.number)]  # what was deleted keeps no place
        kept = contenders(there, self._expected, count) | {*members, *lenders}
        kept |= {teacher for one in (*kept, *self._trials.unfinished) for teacher in self._trials.teachers_of(one)}
        for number in self._models - kept:
            self._run.drop_model(number)
        self._models &= kept
        self.members = tuple(number for number in self.members if number in kept)

    def _trim_outputs(self) -> None:
        """Delete the stored outputs of the worst trials until the others fit their fraction of the quota."""
        if sum(self._outputs.values()) <= OUTPUTS_FRACTION * self._quota:
            return
        for record in sorted(self._trials.ended, key=Record.order, reverse=True):
            if record.number not in self._models and self._outputs.get(record.number):
                self._run.drop_outputs(record.number)
                self._outputs[record.number] = 0
                if sum(self._outputs.values()) <= OUTPUTS_FRACTION * self._quota:
                    return

    def _measured(self, paused: Sequence[Record]) -> int:
        stand = dict.fromkeys(self._models, -1) | {record.number: len(record.epochs) for record in paused}
        others = sum(size for number, size in self._outputs.items() if number not in stand)
        others += self._run.bytes_of_starts()
        return others + sum(self._bytes_of(number, epochs) for number, epochs in stand.items())

    def _bytes_of(self, number: int, epochs: int) -> int:
        """What a trial's files take, looked up once as long as it stands where it stood: most of them only wait."""
        if self._sizes.get(number, (None, 0))[0] != epochs:
            self._sizes[number] = epochs, self._run.bytes_of(number)
        return self._sizes[number][1]

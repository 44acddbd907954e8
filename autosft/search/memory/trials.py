"""`Trials`: every trial of a run. The stored study, what the sampler is shown and the records, kept in step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from autosft.contracts.recipe import Recipe, TeacherMember
from autosft.contracts.record import Record
from autosft.contracts.space import Space
from autosft.search.memory.sampler import Params, Sampler
from autosft.search.memory.study import Study, Trial, score_of
from autosft.search.space import content_of, extent_of, recipe_of
from autosft.training.seeds import seed_of

NOBODY: Mapping[int, float] = {}
"""The weights of those that teach a trial that is not taught."""


@final
class Trials:
    """What was tried, what is under way, and what may go on.

    Args:
        study: The stored study.
        sampler: Is told of every score.
        seed: The run's seed.
        start_of: How an encoder is made that trials start from, given a backbone and a strategy.

    Attributes:
        ended: The records of trials that are over, in the order in which they ended.
        contents: What makes each started recipe differ from others; but for those that had no time for a score in an
            earlier sitting.
        uncut: The rows and epochs of each, by what it was before the clock cut it.
        cut_off: The numbers of trials that a driver left running when it was killed.
    """

    def __init__(
        self, study: Study, sampler: Sampler, seed: int, start_of: Callable[[str, str], Recipe] | None = None
    ) -> None:
        self._study, self._sampler, self._seed, self._start_of = study, sampler, seed, start_of
        self._trials: dict[int, Trial] = {}
        self._paused_records: dict[int, Record] = {}
        self._running: set[int] = set()
        self.ended: list[Record] = []
        for trial in study.trials():
            self._trials[trial.number] = trial
            if trial.record and trial.record.state == "paused":
                self._paused_records[trial.number] = trial.record
            elif trial.record:
                if trial.running:  # the driver was killed between the record and the state
                    study.finish(trial.record)
                self.ended.append(trial.record)
            if trial.record:
                self._show(trial.record)
        self.ended.sort(key=lambda record: record.ended or 0.0)
        over = {record.number for record in self.ended}
        self.cut_off = [trial.number for trial in self._trials.values() if trial.running and trial.number not in over]
        self._running.update(self.cut_off)
        for number in self.cut_off:
            if number not in self._paused_records:
                self._sampler.start(number, *self._known(number))
        # what had no time for a score may be made anew
        unscored = {record.number for record in self.ended if record.state == "interrupted"}
        self.contents: set[str] = set()
        self.uncut: dict[str, list[tuple[float, int]]] = {}
        for number in self._trials:
            if number not in unscored:
                self._remember(number)

    @property
    def started(self) -> int:
        """How many trials there are."""
        return len(self._trials)

    @property
    def paused(self) -> Sequence[Record]:
        """Where the trials stand that are paused."""
        return [record for number, record in self._paused_records.items() if number not in self._running]

    @property
    def known(self) -> Sequence[Record]:
        """The latest record of every trial that has one."""
        return [*self.ended, *self._paused_records.values()]

    @property
    def unfinished(self) -> Sequence[int]:
        """The numbers of the trials that are under way or paused."""
        return [*self._running, *(number for number in self._paused_records if number not in self._running)]

    def teachers_of(self, number: int) -> Mapping[int, float]:
        """The weight of each trial that teaches this one, by number."""
        return self._trials[number].teacher

    def teacher(self, weights: Mapping[int, float]) -> tuple[TeacherMember, ...]:
        """What a recipe says of trials that have ended, and teach with these weights."""
        recipes = {record.number: record.recipe for record in self.ended if record.number in weights} if weights else {}
        return tuple(TeacherMember(trial=one, weight=weight, recipe=recipes[one]) for one, weight in weights.items())

    def recipe(self, number: int) -> Recipe:
        """The recipe of a trial."""
        recipe = recipe_of(self._trials[number].params, seed_of(self._seed, "trial", number))
        if paused_record := self._paused_records.get(number):  # whatever the defaults are now, it goes on as it began
            recipe = recipe.changed(start=paused_record.recipe.start)
        elif recipe.start and self._start_of:
            recipe = recipe.changed(start=self._start_of(recipe.backbone, recipe.start.strategy))
        return recipe.changed(teacher=self.teacher(weights)) if (weights := self.teachers_of(number)) else recipe

    def paused_record(self, number: int) -> Record | None:
        """Where a trial paused last; None if it has not."""
        return self._paused_records.get(number)

    def start(self, params: Params, space: Space, teacher: Mapping[int, float] = NOBODY) -> int:
        """Begin a trial, taught by ended ones with these weights; its number."""
        trial = self._study.start(params, space, teacher)
        self._trials[trial.number] = trial
        self._running.add(trial.number)
        self._remember(trial.number)
        self._sampler.start(trial.number, *self._known(trial.number))
        return trial.number

    def resume(self, number: int) -> None:
        """A paused trial goes on."""
        self._study.resume(number)
        self._running.add(number)

    def set_back(self, numbers: Sequence[int]) -> list[int]:
        """There is no time for these, which were cut off. Those that had paused before stand where they had; the
        others, whose numbers are given back, wait for a larger budget."""
        self._running -= self._paused_records.keys() & set(numbers)
        return [number for number in numbers if number in self._running]

    def note(self, record: Record) -> None:
        """A trial has paused or ended."""
        if record.state == "paused":
            self._study.pause(record)
            self._paused_records[record.number] = record
        else:
            self._study.finish(record)
            self._paused_records.pop(record.number, None)
            self.ended.append(record)
        self._running.discard(record.number)
        self._show(record)

    def close(self) -> None:
        """Let go of the study."""
        self._study.close()

    def _remember(self, number: int) -> None:
        recipe = self.recipe(number)
        self.contents.add(content_of(recipe))
        self.uncut.setdefault(content_of(recipe, cut=True), []).append(extent_of(recipe))

    def _show(self, record: Record) -> None:
        score = score_of(record) if record.state in ("done", "paused", "stopped") else None
        self._sampler.learn(record.number, *self._known(record.number), score)

    def _known(self, number: int) -> tuple[Params, Mapping[str, Any]]:
        """The parameters of a trial that the space still has, and where they were drawn from."""
        trial = self._trials[number]
        return {name: value for name, value in trial.params.items() if name in trial.distributions}, trial.distributions

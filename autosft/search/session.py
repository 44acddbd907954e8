"""`Session`: one sitting of a search. It owns the study, the clock and the run's folder, and keeps the workers busy."""

from __future__ import annotations

import time
import uuid
from functools import partial
from typing import final

from autosft.contracts.executor import Order
from autosft.contracts.record import Record, Result
from autosft.contracts.scoring import highest_score
from autosft.host.registry import Registry
from autosft.report.leaderboard import write_leaderboard
from autosft.runs.run import Run
from autosft.search.events import (
    Callback,
    Continued,
    Finished,
    Noted,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)
from autosft.search.interrupts import Interrupts
from autosft.search.memory.sampler import Sampler
from autosft.search.memory.study import Study
from autosft.search.memory.trials import Trials
from autosft.search.orders.dispatch import Dispatch
from autosft.search.orders.fleet import GRACE_SECONDS, Fleet
from autosft.search.orders.pool import NamedPool
from autosft.search.orders.retries import micro_batch_for, to_quarantine
from autosft.search.outcome.choice import Expected, choose, is_perfect, least_score, on_the_split
from autosft.search.outcome.disk import Disk
from autosft.search.outcome.finish import finish
from autosft.search.policy.budget import FINISH_SECONDS, Estimates
from autosft.search.policy.clock import Clock
from autosft.search.policy.proposals import Proposals
from autosft.search.policy.rungs import hopeful
from autosft.search.policy.scheduler import Assignment, Scheduler
from autosft.search.space import relative_cost_of, start_of, unlabeled_of
from autosft.search.starts import Starts
from autosft.search.teachers import Teachers

PUBLISH_SECONDS = 3.0
"""How often clock and leaderboard are written while the search goes on."""


@final
class Session:
    """One sitting of a search, from taking the run up to its result.

    Args:
        run: The run's folder, locked.
        registry: The parts.
        study: The stored study.
        callback: Told what happens.
        started: When this sitting began, by `time.monotonic`.
    """

    def __init__(self, run: Run, registry: Registry, study: Study, callback: Callback, started: float) -> None:
        document = run.document
        self._run, self._registry, self._callback = run, registry, callback
        self._task, self._spec, self._plan = document.task, document.spec, document.plan
        self._clock = Clock(self._spec.budget, run.seconds_used(), started)
        sampler = Sampler(self._spec.seed)
        start = partial(start_of, self._task, registry, self._plan, seed=self._spec.seed)
        self._trials = Trials(study, sampler, self._spec.seed, start)
        self._starts = Starts(run, callback)
        proposals = Proposals(self._task, registry, self._plan, sampler)
        self._scheduler = Scheduler(
            self._trials, proposals, self._spec.trials, Teachers(run, registry, self._trials).of
        )
        self._quarantined = to_quarantine(self._trials.ended)
        self._disk = Disk(run, registry, self._trials, self._spec.disk * 1e9)
        self._published = 0.0
        self._told = {note for record in self._trials.known for note in record.notes}
        self._highest = highest_score(self._task.targets, registry.problems_of(self._task))
        self._relative_cost = relative_cost_of(self._task, registry, self._plan)
        self._unlabeled = unlabeled_of(registry, self._plan)
        self._expected = Expected.of(registry, self._plan)

    def go(self) -> Result:
        """Search until the clock, the number of trials, the space or the user ends it; then finish.

        Raises:
            NothingFinished: No trial has a score.
            CannotWrite: The disk is full, or the folder cannot be written; the same command goes on.
            KeyboardInterrupt: The user left, or interrupted before any trial had a score.
        """
        self._write_what_was_stored()
        if self._trials.started:
            best = min(self._trials.known, key=Record.order, default=None)
            self._callback(Continued(self._task, self._run.folder, len(self._trials.ended), best))
        self._interrupts = Interrupts()
        pool = NamedPool.open(
            self._registry.executor(self._spec.executor),
            slots=self._spec.workers,
            threads=max(1, self._spec.threads // (self._spec.workers * self._spec.processes_per_trial)),
            device=self._spec.device,
            processes=self._spec.processes_per_trial,
            log=str(self._run.folder / "worker.log"),
        )
        with self._interrupts as interrupts:
            try:
                self._dispatch = Dispatch(Fleet(pool), self._run, self._registry, self._trials, self._callback)
                result = self._searched_and_finished(interrupts)
            finally:
                pool.close()
                self._published = 0.0
                self._publish()
        self._callback(Finished(result, self._run.folder))
        return result

    def _write_what_was_stored(self) -> None:
        """A driver that was killed in between has stored its last record, but not written it, or not as it is now."""
        last = max(self._trials.known, key=lambda record: record.ended or 0.0, default=None)
        for record in self._trials.known:
            path = self._run.trial_folder(record.number) / "record.json"
            if record is last or not path.exists():
                record.write(path)

    def _searched_and_finished(self, interrupts: Interrupts) -> Result:
        prepared = self._clock.used()
        self._search(interrupts)
        searched = self._clock.used()
        if interrupts.asked:
            self._callback(Noted("interrupted: finishing with the best so far; press Ctrl-C again to leave at once"))
            for standing in self._dispatch.abandon():
                self._note(standing)
        self._save_the_best_paused()
        if interrupts.asked and choose(self._trials.ended, self._expected) is None:
            raise KeyboardInterrupt
        return finish(
            self._run,
            self._registry,
            self._trials,
            self._estimates(),
            self._clock,
            self._done,
            self._callback,
            {"prepare": prepared, "search": searched - prepared},
            interrupted=lambda: interrupts.asked,
        )

    def _search(self, interrupts: Interrupts) -> None:
        dispatch = self._dispatch
        ended, idle = 0, -1  # how many assignments have ended, and how many had when there was nothing left to do
        while not interrupts.asked:
            if any(is_perfect(record, self._highest) for record in self._trials.ended):
                self._callback(Noted("a perfect validation score: nothing can be better, so the search ends early"))
                dispatch.abandon()
                return
            while dispatch.free and idle != ended:
                if order := self._next():
                    dispatch.send(order)
                else:
                    idle = ended
            if not dispatch.busy:
                if self._spec.trials is None or self._trials.started < self._spec.trials:
                    self._callback(Noted(self._scheduler.over(self._estimates(), self._seconds_for_a_trial())))
                return
            for order, record in dispatch.records():
                for one in self._starts.over(record) if order.work == "pretrain" else [record]:
                    self._note(one)
                ended += 1
            self._publish()

    def _next(self) -> Order | None:
        """The next order, or what must be done before it; None if there is nothing to do for now."""
        while True:
            left, used = self._seconds_for_a_trial(), self._clock.used() / (self._spec.budget or float("inf"))
            order = self._starts.ready()
            if order is None:
                assignment = self._scheduler.next(self._estimates(), self._quarantined, used=used, left=left)
                if assignment is None:
                    return None
                order = self._order(assignment)
            if first := self._starts.before(order, left):
                return first

    def _publish(self) -> None:
        """Write down, every few seconds, what a killed driver would otherwise forget, or a person may want to see."""
        if time.monotonic() - self._published > PUBLISH_SECONDS:
            self._run.note_seconds(self._clock.used())
            write_leaderboard(self._run.folder, self._trials.known)
            self._published = time.monotonic()

    def _order(self, assignment: Assignment) -> Order:
        recipe = self._trials.recipe(assignment.number)
        self._callback(
            (TrialResumed if assignment.resumed else TrialStarted)(assignment.number, recipe, self._clock.left())
        )
        return Order(
            run=str(self._run.folder),
            trial=assignment.number,
            token=uuid.uuid4().hex,
            recipe=recipe,
            seconds=None,
            least_score=least_score(choose(self._trials.ended, self._expected), self._plan.facts.valid),
            pause_after=assignment.pause_after,
            micro_batch=micro_batch_for(recipe, self._trials.known),
        )

    def _save_the_best_paused(self) -> None:
        """A paused trial that is better than all that ended becomes a model as it is, without more training.

        Where that fails, because its checkpoint is damaged, the next best is taken.
        """
        while best := hopeful(self._trials.paused, self._trials.known):
            over = choose(self._trials.ended, self._expected)
            few = self._estimates().folds > 1
            if best.score is None or (over and (few or on_the_split(over).order() < best.order())):
                return
            left = self._clock.left()
            order = Order(
                work="save",
                run=str(self._run.folder),
                trial=best.number,
                token=uuid.uuid4().hex,
                recipe=best.recipe,
                seconds=None if left == float("inf") else max(left, FINISH_SECONDS),
                micro_batch=best.micro_batch,
            )
            self._trials.resume(best.number)
            record = self._done(order)
            self._note(record)
            if record.state == "done":
                return

    def _seconds_for_a_trial(self) -> float:
        """What is left when finishing with the best so far is paid for."""
        estimates, best = self._estimates(), choose(self._trials.ended, self._expected)
        members = [record for record in self._trials.ended if record.number in self._disk.members]
        held_back = estimates.finish_seconds(best, members, refit=not self._run.data.valid_is_predefined)
        return self._clock.left() - held_back - GRACE_SECONDS

    def _done(self, order: Order) -> Record:
        """The record of one order. Who interrupts does not wait for what would only be better."""
        return self._dispatch.done(order, lambda: self._interrupts.asked and order.work in ("soup", "refit"))

    def _note(self, record: Record) -> None:
        """Write down where a trial paused, or what it came to."""
        self._store(record)
        for note in record.notes:
            if note not in self._told:
                self._told.add(note)
                self._callback(Noted(note))
        for stopped in self._disk.tidy():
            self._store(stopped)
            self._callback(Noted(f"trial {stopped.number} is given up: {self._spec.disk:g} GB on disk are used"))
        if record.state == "paused":
            self._callback(TrialPaused(record, self._clock.left(), self._disk.used))
            return
        self._registry.trial_finished(self._task, self._run.folder, record)
        self._callback(
            TrialFinished(record, min(self._trials.known, key=Record.order), self._clock.left(), self._disk.used)
        )
        quarantined = to_quarantine(self._trials.ended)
        for part in quarantined.keys() - self._quarantined.keys():
            self._callback(Noted(f"{part} is quarantined, because it failed three times in a row: {quarantined[part]}"))
        self._quarantined = quarantined

    def _store(self, record: Record) -> None:
        rows = {"rows": self._plan.facts.valid} if record.state in ("paused", "stopped") else {}
        record = record.model_copy(update={"ended": self._clock.used(), **rows})
        self._trials.note(record)
        record.write(self._run.trial_folder(record.number) / "record.json")

    def _estimates(self) -> Estimates:
        return Estimates(self._plan, self._trials.known, self._spec.budget, self._relative_cost, self._unlabeled)

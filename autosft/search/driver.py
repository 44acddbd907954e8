"""The driver: `run_search` from a path to a result. It owns the study, the clock and the run's folder."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import final

from autosft.contracts.executor import Order, Pool
from autosft.contracts.record import Epoch, Record, Result
from autosft.contracts.task import Task
from autosft.data.checks import check_scan, summarize, write_skipped
from autosft.data.splits import split
from autosft.errors import BadInput
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.report.board import write_leaderboard
from autosft.search.budget import FINISH_SECONDS, REFIT_SHARE, Clock, Estimates
from autosft.search.choice import choose, contenders
from autosft.search.finish import finish, installed_versions
from autosft.search.news import (
    EpochFinished,
    Finished,
    News,
    Noted,
    Planned,
    Recognized,
    TrialFinished,
    TrialStarted,
    Watch,
)
from autosft.search.plan import make_plan, recipe_of
from autosft.search.proposals import Proposals
from autosft.search.recognize import recognize, with_metric
from autosft.search.run import Run, RunDocument, grew
from autosft.search.spec import SearchSpec, parse_seconds
from autosft.search.study import Params, Study
from autosft.training.seeds import seed_of

GRACE_SECONDS = 5.0
"""How long a worker may overstay its seconds before it is ended by force; held back from every trial."""

KEPT_MEMBERS = 3
FAILURES_IN_A_ROW = 5
"""So many failed trials in a row end the search: something is wrong that no other recipe will mend."""


def run_search(
    data: str | Path | Task,
    *,
    budget: str | float | None = "10m",
    trials: int | None = None,
    metric: str = "",
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    backbones: Sequence[str] = (),
    strategies: Sequence[str] = (),
    weights: Sequence[str | Path] = (),
    hold_out_test: bool = True,
    run: str | Path | None = None,
    watch: Watch | None = None,
    registry: Registry | None = None,
) -> Result:
    """Find and train the best model for some data, within a budget that includes everything.

    The same call on an unfinished run goes on with it; on a finished one it returns the result; with a larger budget
    or more trials it extends it.

    Args:
        data: A folder or file that an installed modality recognizes, a `task.toml`, or a `Task`.
        budget: Wall clock for everything, as text (`"5m"`) or seconds; None means that only `trials` ends the search.
        trials: The most trials.
        metric: The validation score to maximize; by default the problem's first.
        seed: Splits, proposals and training derive from it.
        device: Where to train; `"auto"` takes a GPU if there is one.
        threads: CPU threads for training; by default all cores.
        backbones: Shell patterns of backbones to allow; by default every curated one whose weights are at hand.
        strategies: Strategies to allow; by default all.
        weights: Folders or files of weights on this machine, as further candidates.
        hold_out_test: Whether to hold out a fifth of the rows for a test score where the data gives no test split.
        run: The run's folder; by default `runs/<name of the data>`.
        watch: Told what happens.
        registry: The installed parts; loaded from the entry points by default.

    Raises:
        BadInput: The data or an option cannot be used.
        NoCandidates: No backbone and strategy fit, or no weights are at hand.
        RunConflict: The folder holds another search, or one that is running.
        NothingFinished: No trial had a score when the budget ended.
    """
    started = time.monotonic()
    if budget is None and trials is None:
        raise BadInput("A search needs an end: give a budget, a number of trials, or both.")
    registry, watch = registry or load(), watch or _unwatched
    spec = SearchSpec.parse(
        {
            "budget": parse_seconds(budget) if isinstance(budget, str) else budget,
            "trials": trials,
            "seed": seed,
            "device": device,
            "threads": threads or os.cpu_count() or 1,
            "backbones": tuple(backbones),
            "strategies": tuple(strategies),
            "weights": tuple(str(Path(path).resolve()) for path in weights),
            "hold_out_test": hold_out_test,
        },
        "The settings of the search",
    )
    task = data
    if not isinstance(task, Task):
        claim = recognize(Path(task), registry)
        watch(Recognized(claim))
        task = claim.task
    task = with_metric(task, metric, registry)
    folder = Path(run or Path("runs") / task.name).resolve()
    if (folder / "run.json").exists():
        opened = Run.resume(folder, task, spec)
    else:
        opened = _create(folder, task, spec, registry, watch)
    try:
        return _Search(opened, registry, watch, started).go()
    finally:
        opened.close()


def _unwatched(news: News) -> None:
    """Nobody listens."""


def _create(folder: Path, task: Task, spec: SearchSpec, registry: Registry, watch: Watch) -> Run:
    """Scan, check, split, plan; nothing is written before all of that went well."""
    plan = make_plan(task, registry, spec)
    scan = registry.modality(task.modality).scan(task)
    check_scan(scan)
    problem = registry.problem(task.problems[0])
    data = split(scan, problem, seed=spec.seed, hold_out_test=spec.hold_out_test)
    summary = summarize(scan, data, problem)
    document = RunDocument(
        task=task, spec=spec, plan=plan, fingerprint=data.fingerprint, versions=installed_versions(registry)
    )
    run = Run.create(folder, document, data)
    write_skipped(folder / "skipped.csv", scan.faults)
    watch(Planned(task, folder, summary, plan))
    return run


@final
class _Search:
    """One session of a search."""

    def __init__(self, run: Run, registry: Registry, watch: Watch, started: float) -> None:
        document = run.document
        self._run, self._registry, self._watch = run, registry, watch
        self._task, self._spec, self._plan = document.task, document.spec, document.plan
        self._clock = Clock(self._spec.budget, run.seconds_used(), started)
        self._study = Study(run.folder / "study.db", self._spec.seed)
        self._proposals = Proposals(self._task, registry, self._plan, self._study)
        self._records = self._study.records()
        data = run.data
        self._sizes = {"train": len(data.train), "valid": len(data.valid), "test": len(data.test or ())}

    def go(self) -> Result:
        """Search until the clock, the number of trials or the space ends it; then finish."""
        result = self._run.result()
        if result and not self._extended(result):
            self._watch(Finished(result, self._run.folder))
            return result
        if self._records or result:
            self._watch(Noted(f"going on with {self._run.folder} after {len(self._records)} trials"))
        spec = self._spec
        executor = self._registry.executor("processes")
        log = str(self._run.folder / "worker.log")
        pool = executor.open(slots=1, threads=spec.threads, device=spec.device, log=log)
        try:
            prepared = self._clock.used()
            for number, params in self._study.unfinished().items():
                self._train(pool, number, params)
            self._search(pool)
            searched = self._clock.used()
            result = finish(
                self._run,
                self._registry,
                self._records,
                self._estimates(),
                self._clock,
                lambda order: self._send(pool, order),
                self._watch,
                {"prepare": prepared, "search": searched - prepared},
            )
        finally:
            pool.close()
            self._run.note_seconds(self._clock.used())
        self._watch(Finished(result, self._run.folder))
        return result

    def _extended(self, result: Result) -> bool:
        """Whether the budget or the number of trials has grown since the run finished."""
        spec = self._spec
        grown = grew(spec.budget, result.budget) or grew(spec.trials, result.trial_limit)
        room = spec.trials is None or spec.trials > sum(result.trials.values())
        return grown and room and self._clock.left() > 0

    def _search(self, pool: Pool) -> None:
        while True:
            if self._spec.trials is not None and len(self._records) >= self._spec.trials:
                return
            recent = self._records[-FAILURES_IN_A_ROW:]
            if len(recent) == FAILURES_IN_A_ROW and all(record.state != "done" for record in recent):
                self._watch(Noted(f"the last {FAILURES_IN_A_ROW} trials failed; the search ends here"))
                return
            used = self._clock.used() / self._spec.budget if self._spec.budget else 0.0
            params = self._proposals.next(self._records, self._estimates(), used=used, left=self._seconds_for_a_trial())
            if params is None:
                self._watch(Noted("nothing new fits the time that is left"))
                return
            space = {
                **self._proposals.choices,
                **self._proposals.space(str(params["backbone"]), str(params["strategy"])),
            }
            self._train(pool, self._study.start(params, space), params)

    def _seconds_for_a_trial(self) -> float:
        """What is left when finishing with the best so far is paid for."""
        estimates, best = self._estimates(), choose(self._records, self._registry)
        if best is None:
            return self._clock.left() - FINISH_SECONDS - GRACE_SECONDS
        refit = 0.0 if self._run.data.given else estimates.refit_seconds(best)
        if self._spec.budget:
            refit = min(refit, REFIT_SHARE * self._spec.budget)
        return self._clock.left() - estimates.test_seconds(best) - refit - GRACE_SECONDS

    def _train(self, pool: Pool, number: int, params: Params) -> None:
        recipe = recipe_of(params, seed_of(self._spec.seed, "trial", number))
        seconds = self._seconds_for_a_trial()
        self._watch(TrialStarted(number, recipe, self._clock.left()))
        order = Order(
            run=str(self._run.folder),
            trial=number,
            token=uuid.uuid4().hex,
            recipe=recipe,
            seconds=None if seconds == float("inf") else seconds,
        )
        record = self._send(pool, order)
        self._study.finish(record)
        self._records.append(record)
        record.write(self._run.trial_folder(number) / "record.json")
        self._run.keep_members(self._records, contenders(self._records, self._registry, KEPT_MEMBERS))
        self._run.note_seconds(self._clock.used())
        write_leaderboard(self._run.folder)
        self._registry.trial_finished(self._task, record)
        self._watch(TrialFinished(record, min(self._records, key=Record.order), self._clock.left()))

    def _send(self, pool: Pool, order: Order) -> Record:
        """Hand an order to the worker and wait for its record; a worker that is gone or late gives a failed one."""
        sent = time.monotonic()
        pool.submit(order)
        late = False
        while True:
            for event in pool.events(timeout=0.5):
                if event.token != order.token:
                    continue
                if event.kind == "epoch":
                    epoch = Epoch.model_validate(event.body)
                    self._registry.epoch_finished(self._task, order.trial, epoch)
                    self._watch(EpochFinished(order.trial, epoch))
                elif event.kind == "done":
                    return Record.model_validate(event.body)
                else:
                    reason = "it did not end in time" if late else event.body["reason"]
                    error = f"the worker was lost: {reason}; see worker.log"
                    taken = time.monotonic() - sent
                    return Record(number=order.trial, state="failed", recipe=order.recipe, seconds=taken, error=error)
            if order.seconds is not None and not late and time.monotonic() - sent > order.seconds + GRACE_SECONDS:
                late = True
                pool.cancel(order.token)

    def _estimates(self) -> Estimates:
        return Estimates(self._plan, self._records, self._sizes)

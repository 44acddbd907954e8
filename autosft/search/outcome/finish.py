"""`finish`: from the best trials to a bundle, its test score and the result."""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from autosft.contracts.executor import Order
from autosft.contracts.record import Record, Result, Shift
from autosft.contracts.scoring import highest_score
from autosft.contracts.task import Task
from autosft.deploy.bundle import add_card, open_bundle, save_bundle
from autosft.deploy.card import model_card
from autosft.host.registry import Registry
from autosft.runs.run import REFIT, Run
from autosft.search.events import Callback, Finishing, Noted
from autosft.search.memory.trials import Trials
from autosft.search.orders.fleet import GRACE_SECONDS
from autosft.search.outcome.finalists import finalists
from autosft.search.outcome.soups import with_soups
from autosft.search.policy.budget import Estimates
from autosft.search.policy.clock import Clock

LEARNING = 0.25
"""The error falls with this power of the number of rows, about: of 0.07 to 0.35 that were measured (Hestness et al.,
2017)."""

LEAST_SECONDS = 3.0
"""What a finishing order may take even if the clock has run out: without it the result would have no test score."""


def finish(
    run: Run,
    registry: Registry,
    trials: Trials,
    estimates: Estimates,
    clock: Clock,
    send: Callable[[Order], Record],
    callback: Callback,
    seconds: Mapping[str, float],
    *,
    interrupted: Callable[[], bool],
) -> Result:
    """Choose, train the chosen again on all rows if there is time, bundle, score on the test rows, write the result.

    Who interrupts a search, or its end, does not want to wait: then the best model is taken as it is.

    Raises:
        NothingFinished: No trial has a score; names what went wrong.
    """
    callback(Finishing(clock.left()))
    started, document = clock.used(), run.document
    ended = trials.ended
    if not interrupted():
        ended = with_soups(run, registry, ended, estimates, clock, send, callback, interrupted)
    chosen = finalists(
        run,
        registry,
        ended,
        callback,
        single=interrupted() or document.spec.single,
        in_time=lambda members: estimates.can_test(clock.left(), members),
        slowness=lambda members: sum(estimates.encode_seconds(record.recipe) or 0.0 for record in members),
        lost=lambda best, members: _lost(run, registry, best, members, estimates, clock),
    )
    refits = _refits(run, chosen.records, estimates, clock, send, interrupted)
    folders = [refits.get(record.number) or run.member_folder(record) for record in chosen.records]
    members = list(zip(folders, chosen.weights, strict=True))
    needed = registry.distributions(_parts(document.task, chosen.records))
    save_bundle(run.folder / "best", document.task, members, needed, {"valid": chosen.score}, chosen.states)
    for record in chosen.records:
        shutil.rmtree(run.trial_folder(record.number) / REFIT, ignore_errors=True)  # the bundle has copies
    earlier = run.result()
    test_record = _score_on_test(run, chosen.records, estimates, clock, send, callback)
    result = Result(
        task=document.task.name,
        seed=document.spec.seed,
        metric=document.task.score_name,
        valid=chosen.score,
        test=test_record.score if test_record else None,
        interval=test_record.interval if test_record else None,
        interrupted=interrupted(),
        test_rows=test_record.rows if test_record else 0,
        test_reads=(earlier.test_reads if earlier else 0) + (test_record is not None),
        shift=_shifts(trials, test_record),
        best=chosen.records,
        weights=chosen.weights,
        refitted=tuple(refits),
        trials=Counter(record.state for record in trials.known),
        budget=document.spec.budget,
        trial_limit=document.spec.trials,
        seconds={**seconds, "finish": clock.used() - started, "total": clock.used()},
        versions=document.versions,
    )
    _write_card(run, registry, result)
    result.write(run.folder / "result.json")
    return result


def _parts(task: Task, records: Sequence[Record]) -> set[str]:
    """The parts that a bundle of these trials cannot do without."""
    recipes = [record.recipe for record in records]
    return {
        f"modality {task.modality}",
        *(f"problem {name}" for name in task.problems),
        *(f"backbone {recipe.backbone.partition('/')[0]}" for recipe in recipes),
        *(f"strategy {recipe.strategy}" for recipe in recipes),
    }


def _write_card(run: Run, registry: Registry, result: Result) -> None:
    """Now that all is known, the bundle says it."""
    folder, bundle = open_bundle(run.folder / result.bundle)
    card = model_card(folder, bundle, registry, result, run.data)
    add_card(folder, card, {} if result.test is None else {"test": result.test})


def _shifts(trials: Trials, test_record: Record | None) -> dict[str, Shift]:
    """How unlike the training rows the others are, as far as it was measured."""
    found: dict[str, Shift] = {}
    for record in (*trials.known, *([test_record] if test_record else [])):
        found = {**record.shift, **found}  # the first measurement counts
    return found


def _lost(
    run: Run, registry: Registry, best: Record, members: Sequence[Record], estimates: Estimates, clock: Clock
) -> float:
    """How much score an ensemble is expected to lose beside a single trial, because fewer of it can be trained
    again."""
    task = run.document.task
    error = highest_score(task.targets, registry.problems_of(task)) - (best.score or 0.0)
    if run.data.valid_is_predefined or error == float("inf"):
        return 0.0
    rows = len(run.data.train) / (len(run.data.train) + len(run.data.valid))

    def fraction(records: Sequence[Record]) -> float:
        left, again = clock.left() - estimates.test_seconds(records), 0
        for record in records:
            seconds = estimates.refit_seconds(record)
            if not record.ingredients and seconds <= left:
                left, again = left - seconds, again + 1
        return again / len(records)

    return max(0.0, fraction([best]) - fraction(members)) * error * (1 - rows**LEARNING)


def _refits(
    run: Run,
    records: Sequence[Record],
    estimates: Estimates,
    clock: Clock,
    send: Callable[[Order], Record],
    interrupted: Callable[[], bool],
) -> dict[int, Path]:
    """The folders of models that were trained again on training and validation rows, by trial; as many as there is time
    for. Where the encoder is frozen and the recipe is for a part of the training rows, on as many as there is time for.

    Rows that the data itself calls validation are never trained on, and no recipe trains a soup. A model is not taken
    that answers the rows of the trial's score worse than the trial did by more than a standard error, though it may
    have seen them: the trial's best epoch was chosen by them.
    """
    test_seconds = estimates.test_seconds(records)
    refits: dict[int, Path] = {}
    for record in records:
        left = clock.left() - test_seconds
        rows = estimates.refit_rows(record, left)
        nothing_more = run.data.valid_is_predefined and rows <= estimates.rows(record.recipe)
        if interrupted() or nothing_more or record.ingredients or estimates.refit_seconds(record) > left:
            continue
        again = send(_order(run, record, "refit", left, rows=rows))
        least = (record.score or 0.0) - (record.score_error or 0.0)
        good = again.state == "done" and again.score is not None and again.score >= least
        trained = {stage: sum(epoch.stage == stage for epoch in again.epochs) for stage in record.best}
        if good and trained == dict(record.best):
            refits[record.number] = run.trial_folder(record.number) / REFIT
    return refits


def _score_on_test(
    run: Run,
    records: Sequence[Record],
    estimates: Estimates,
    clock: Clock,
    send: Callable[[Order], Record],
    callback: Callback,
) -> Record | None:
    """The record with the bundle's test score, if there are test rows."""
    if run.data.test is None:
        return None
    run.drop_test_outputs()
    count = min(len(run.data.test), estimates.test_rows_in(clock.left(), records))
    test_record = send(_order(run, records[0], "test", clock.left(), rows=count))
    if test_record.state != "done":
        callback(Noted(f"the test rows could not be scored: {test_record.error}"))
    elif test_record.rows < len(run.data.test):
        callback(Noted(f"{test_record.rows} of {len(run.data.test)} test rows are scored; there was no time for more"))
    for note in test_record.notes:
        callback(Noted(note))
    return test_record


def _order(run: Run, record: Record, work: Literal["refit", "test"], seconds: float, rows: int = 0) -> Order:
    return Order(
        work=work,
        run=str(run.folder),
        trial=record.number,
        token=uuid.uuid4().hex,
        recipe=record.recipe,
        seconds=None if seconds == float("inf") else max(seconds - GRACE_SECONDS, LEAST_SECONDS),
        replay=record.best,
        rows=rows,
        micro_batch=record.micro_batch,
    )

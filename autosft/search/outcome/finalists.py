"""`finalists`: which trials go into the bundle, one or several, and with which weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from autosft.contracts.record import Record
from autosft.contracts.state import State
from autosft.deploy.bundle import member_damage
from autosft.errors import NothingFinished
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.search.events import Callback, Noted
from autosft.search.outcome.choice import Expected, choose
from autosft.search.outcome.ensemble import Ensemble, choose_ensemble
from autosft.search.outcome.predictions import read_predictions
from autosft.search.policy.budget import ENSEMBLE_SECONDS


@final
@dataclass(frozen=True)
class Finalists:
    """What goes into the bundle.

    Attributes:
        records: The trials, that with the largest weight first.
        weights: Their weights, which add up to 1.
        states: What decides over the common answers; empty for a single trial, which has its own.
        score: Their score on the validation rows.
    """

    records: tuple[Record, ...]
    weights: tuple[float, ...]
    states: tuple[State, ...]
    score: float


def finalists(
    run: Run,
    registry: Registry,
    records: Sequence[Record],
    callback: Callback,
    *,
    single: bool,
    in_time: Callable[[Sequence[Record]], bool],
    slowness: Callable[[Sequence[Record]], float],
    lost: Callable[[Record, Sequence[Record]], float],
) -> Finalists:
    """Choose; the user is told what was chosen instead of the highest score, and why.

    Args:
        run: The run.
        registry: The parts.
        records: The trials that are over.
        callback: Told of it.
        single: Whether it must be one trial.
        in_time: Whether there is time for these trials to answer enough of the test rows.
        slowness: The seconds that these trials together take for a row.
        lost: How much score an ensemble is expected to lose beside a single trial, because fewer of it are trained
            again on all rows.

    Raises:
        NothingFinished: No trial has a score, or none a sound model.
    """
    sound, best = _sound(run, records, registry, callback)
    ensemble = None if single else _ensemble(run, registry, sound, callback)
    if ensemble is None:
        _explain(best, sound, callback)
        return Finalists((best,), (1.0,), (), best.score or 0.0)
    by_number = {record.number: record for record in sound}
    members = tuple(by_number[number] for number in ensemble.weights)
    if not in_time(members):
        callback(Noted(f"an ensemble of {len(members)} models would be better, but there is no time to score it"))
        return Finalists((best,), (1.0,), (), best.score or 0.0)
    if ensemble.gain is not None and ensemble.gain <= (less := lost(best, members)):
        callback(
            Noted(
                f"an ensemble of {len(members)} models would be better by {ensemble.gain:.4f}, but there is no time "
                f"to train all of them again, for which {less:.4f} is expected"
            )
        )
        return Finalists((best,), (1.0,), (), best.score or 0.0)
    cost = slowness(members) / slowness([best]) if slowness([best]) else float(len(members))
    callback(Noted(f"{_why(ensemble, best)}; it takes {cost:.1f} times as long to predict (--single takes one)"))
    return Finalists(members, tuple(ensemble.weights.values()), ensemble.states, ensemble.score)


def _sound(run: Run, records: Sequence[Record], registry: Registry, callback: Callback) -> tuple[list[Record], Record]:
    """The trials that may be taken, and the one to take alone; those with damaged models are left out, and named."""
    left = [record for record in records if run.has_model(record.number)] or list(records)
    while best := choose(left, Expected.of(registry, run.document.plan)):
        damage = member_damage(run.member_folder(best))
        if not damage:
            return left, best
        callback(Noted(f"trial {best.number} cannot be taken: {damage}"))
        left.remove(best)
    errors = list(dict.fromkeys(record.error for record in records if record.error))
    said = f" The trials said: {'; '.join(errors[:3])}" if errors else ""
    raise NothingFinished(f"No trial had a score when the search ended. Give it more time with --budget.{said}")


def _ensemble(run: Run, registry: Registry, records: Sequence[Record], callback: Callback) -> Ensemble | None:
    """The ensemble, if it pays and all of its models are sound."""
    predictions, damaged = read_predictions(run, registry, records)
    for number, damage in damaged.items():
        callback(Noted(f"trial {number} has no part in an ensemble: {damage}"))
    there = [record for record in records if run.has_model(record.number)]
    spec = run.document.spec
    seconds = float("inf") if spec.budget is None else ENSEMBLE_SECONDS
    expected = Expected.of(registry, run.document.plan)
    while ensemble := choose_ensemble(predictions, there, expected, seed=spec.seed, seconds=seconds):
        damages = {
            record.number: member_damage(run.member_folder(record))
            for record in there
            if record.number in ensemble.weights
        }
        if not any(damages.values()):
            return ensemble
        for number, damage in damages.items():
            if damage:
                callback(Noted(f"trial {number} has no part in an ensemble: {damage}"))
        there = [record for record in there if not damages.get(record.number)]
    return None


def _why(ensemble: Ensemble, best: Record) -> str:
    count = len(ensemble.weights)
    if ensemble.gain is None:
        return (
            f"chosen: the mean of {count} models, each the best of its backbone, because the rows are too few to tell "
            "which is better"
        )
    return (
        f"chosen: an ensemble of {count} models, better than trial {best.number} alone by {ensemble.gain:.4f} on "
        "validation rows that had no say in it"
    )


def _explain(best: Record, records: Sequence[Record], callback: Callback) -> None:
    """Say why the highest score was not chosen."""
    highest = min(records, key=Record.order)
    if best != highest:
        callback(
            Noted(
                f"chosen: trial {best.number}, simpler than trial {highest.number}, whose score is not shown to be "
                f"better (standard error {highest.score_error or 0.0:.4f})"
            )
        )

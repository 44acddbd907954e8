"""`finalists`: which trials go into the bundle, one or several, and with which shares."""

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
from autosft.search.news import Noted, Watch
from autosft.search.outcome.blend import Blend, blend
from autosft.search.outcome.choice import Expected, choose
from autosft.search.outcome.panel import read_panel
from autosft.search.policy.budget import BLEND_SECONDS


@final
@dataclass(frozen=True)
class Finalists:
    """What goes into the bundle.

    Attributes:
        records: The trials, that with the largest share first.
        shares: Their shares, which add up to 1.
        states: What decides over the common answers; empty for a single trial, which has its own.
        score: Their score on the validation rows.
    """

    records: tuple[Record, ...]
    shares: tuple[float, ...]
    states: tuple[State, ...]
    score: float


def finalists(
    run: Run,
    registry: Registry,
    records: Sequence[Record],
    watch: Watch,
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
        watch: Told of it.
        single: Whether it must be one trial.
        in_time: Whether there is time for these trials to answer enough of the test rows.
        slowness: The seconds that these trials together take for a row.
        lost: How much score a team is expected to lose beside a single trial, because fewer of it are trained again on
            all rows.

    Raises:
        NothingFinished: No trial has a score, or none a sound model.
    """
    sound, best = _sound(run, records, registry, watch)
    blended = None if single else _blend(run, registry, sound, watch)
    if blended is None:
        _explain(best, sound, watch)
        return Finalists((best,), (1.0,), (), best.score or 0.0)
    by_number = {record.number: record for record in sound}
    team = tuple(by_number[number] for number in blended.shares)
    if not in_time(team):
        watch(Noted(f"a blend of {len(team)} models would be better, but there is no time to score it"))
        return Finalists((best,), (1.0,), (), best.score or 0.0)
    if blended.gain is not None and blended.gain <= (less := lost(best, team)):
        watch(
            Noted(
                f"a blend of {len(team)} models would be better by {blended.gain:.4f}, but there is no time to train "
                f"all of them again, for which {less:.4f} is expected"
            )
        )
        return Finalists((best,), (1.0,), (), best.score or 0.0)
    cost = slowness(team) / slowness([best]) if slowness([best]) else float(len(team))
    watch(Noted(f"{_why(blended, best)}; it takes {cost:.1f} times as long to predict (--single takes one)"))
    return Finalists(team, tuple(blended.shares.values()), blended.states, blended.score)


def _sound(run: Run, records: Sequence[Record], registry: Registry, watch: Watch) -> tuple[list[Record], Record]:
    """The trials that may be taken, and the one to take alone; those with damaged models are left out, and named."""
    left = [record for record in records if run.has_model(record.number)] or list(records)
    while best := choose(left, Expected.of(registry, run.document.plan)):
        damage = member_damage(run.member_folder(best))
        if not damage:
            return left, best
        watch(Noted(f"trial {best.number} cannot be taken: {damage}"))
        left.remove(best)
    errors = list(dict.fromkeys(record.error for record in records if record.error))
    said = f" The trials said: {'; '.join(errors[:3])}" if errors else ""
    raise NothingFinished(f"No trial had a score when the search ended. Give it more time with --budget.{said}")


def _blend(run: Run, registry: Registry, records: Sequence[Record], watch: Watch) -> Blend | None:
    """The blend, if it pays and all of its models are sound."""
    panel, damaged = read_panel(run, registry, records)
    for number, damage in damaged.items():
        watch(Noted(f"trial {number} has no part in a blend: {damage}"))
    there = [record for record in records if run.has_model(record.number)]
    spec = run.document.spec
    seconds = float("inf") if spec.budget is None else BLEND_SECONDS
    expected = Expected.of(registry, run.document.plan)
    while blended := blend(panel, there, expected, seed=spec.seed, seconds=seconds):
        damages = {
            record.number: member_damage(run.member_folder(record))
            for record in there
            if record.number in blended.shares
        }
        if not any(damages.values()):
            return blended
        for number, damage in damages.items():
            if damage:
                watch(Noted(f"trial {number} has no part in a blend: {damage}"))
        there = [record for record in there if not damages.get(record.number)]
    return None


def _why(blended: Blend, best: Record) -> str:
    count = len(blended.shares)
    if blended.gain is None:
        return (
            f"chosen: the mean of {count} models, each the best of its backbone, because the rows are too few to tell "
            "which is better"
        )
    return (
        f"chosen: a blend of {count} models, better than trial {best.number} alone by {blended.gain:.4f} on validation "
        "rows that had no say in it"
    )


def _explain(best: Record, records: Sequence[Record], watch: Watch) -> None:
    """Say why the highest score was not chosen."""
    highest = min(records, key=Record.order)
    if best != highest:
        watch(
            Noted(
                f"chosen: trial {best.number}, simpler than trial {highest.number}, whose score is not shown to be "
                f"better (standard error {highest.score_error or 0.0:.4f})"
            )
        )

"""Where the time went, what failed and why, and what the weights are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autosft.contracts.record import Record
from autosft.report.saved_run import SavedRun

MOST_NUMBERS = 8
MOST_CAUSES = 30


_ORIGINS = {"pretrained": "", "fitted": "learned from the training rows", "scratch": "none: starts from nothing"}


@dataclass(frozen=True)
class Spent:
    """What something took, in seconds of wall clock, and as a fraction of all."""

    name: str
    seconds: float
    fraction: float


@dataclass(frozen=True)
class Cause:
    """Why trials ended without a score: their state, the error, how many, and the numbers of the first."""

    state: str
    error: str
    count: int
    numbers: str


@dataclass(frozen=True)
class Backbone:
    """A backbone of the plan, its weights, and what came of it."""

    name: str
    parameters: int
    license: str
    source: str
    trials: int
    best: float | None
    chosen: bool


def time_spent(saved_run: SavedRun) -> Sequence[Spent]:
    """Where the wall clock went: before the search, into trials by strategy, waiting, and after the search.

    Where several workers trained at the same time, a trial counts for its fraction of the wall clock.
    """
    phases: Mapping[str, float] = saved_run.result.seconds if saved_run.result else {}
    total = phases.get("total", saved_run.seconds)
    workers = int(saved_run.spec["workers"])
    by_way: dict[str, float] = defaultdict(float)
    for record in saved_run.records:
        what = "trials without a score" if record.score is None else f"trials of {record.recipe.strategy}"
        by_way[what] += record.seconds / workers
    trials = sum(by_way.values())
    spent = {"reading and checking the data, making the plan": phases.get("prepare", 0.0)}
    spent |= dict(sorted(by_way.items(), key=lambda entry: -entry[1]))
    spent["between trials: starting workers, choosing, writing"] = max(0.0, phases.get("search", trials) - trials)
    spent["training again, test score, bundle"] = phases.get("finish", 0.0)
    return [Spent(name, value, value / total) for name, value in spent.items() if value >= 0.05 and total]


def causes(records: Sequence[Record]) -> Sequence[Cause]:
    """Why trials have no score, or ended before their time; the most frequent cause first."""
    grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
    for record in records:
        if record.error or record.state not in ("done", "paused"):
            grouped[record.state, record.error].append(record.number)
    ordered = sorted(grouped.items(), key=lambda entry: -len(entry[1]))
    return [
        Cause(state.replace("_", " "), error, len(numbers), _listed(sorted(numbers)))
        for (state, error), numbers in ordered[:MOST_CAUSES]
    ]


def notes(records: Sequence[Record]) -> Sequence[str]:
    """What trials had to say beside that, each once."""
    return list(dict.fromkeys(note for record in records for note in record.notes))


def backbones(saved_run: SavedRun) -> Sequence[Backbone]:
    """Every backbone of the plan; those with the highest scores first."""
    tried = Counter(record.recipe.backbone for record in saved_run.records)
    best: dict[str, float] = {}
    for record in saved_run.scored:
        best.setdefault(record.recipe.backbone, record.score or 0.0)
    chosen = {record.recipe.backbone for record in saved_run.chosen}
    rows = [
        Backbone(
            name=name,
            parameters=info.parameters,
            license=((weights and weights.license) or info.license or "not stated")
            if info.origin == "pretrained"
            else "",
            source=weights.source if weights else _ORIGINS[info.origin],
            trials=tried[name],
            best=best.get(name),
            chosen=name in chosen,
        )
        for name, (info, weights) in saved_run.backbones.items()
    ]
    return sorted(rows, key=lambda row: (row.best is None, -(row.best or 0.0)))


def _listed(numbers: Sequence[int]) -> str:
    more = len(numbers) - MOST_NUMBERS
    return ", ".join(map(str, numbers[:MOST_NUMBERS])) + (f" and {more} more" if more > 0 else "")

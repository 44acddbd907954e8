"""`Leaderboard`: ranked rows, as values and as text. `leaderboard_of`: the trials of a run. All that prints rows prints
these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autosft.contracts.document import write_whole
from autosft.contracts.record import Record, Result
from autosft.errors import BadInput
from autosft.report.formats import as_csv

COLUMNS = ("rank", "trial", "score", "loss", "backbone", "strategy", "epochs", "seconds", "weight", "state", "error")

_DIGITS = {
    "score": 4,
    "loss": 4,
    "seconds": 1,
    "weight": 2,
    "test": 4,
    "low": 4,
    "high": 4,
    "valid": 4,
    "budget": 0,
    "mean rank": 2,
}
"""Digits behind the point, as text."""


@dataclass(frozen=True)
class Leaderboard:
    """Ranked rows.

    Attributes:
        values: The rows, by column: numbers, texts, and None where there is nothing to say.
        columns: The names of the columns.
        members: Of the trials of a run, how many are in the bundle; 0 if there is none yet.
        notes: What whoever reads the rows should know, one line each.
    """

    values: tuple[Mapping[str, Any], ...]
    columns: tuple[str, ...] = COLUMNS
    members: int = 0
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[dict[str, str], ...]:
        """The rows as text."""
        return tuple({name: _text(name, row[name]) for name in self.columns} for row in self.values)


def leaderboard_of(folder: Path) -> Leaderboard:
    """Rank the trials of a run's folder; failed ones stand last, without a rank.

    Raises:
        BadInput: The folder is no run, or has no ended trial.
    """
    if not (folder / "run.json").exists():
        raise BadInput(f"{folder}: no run here (run.json is missing). Give the folder that `autosft search` named.")
    records = [Record.read(path) for path in sorted((folder / "trials").glob("*/record.json"))]
    if not records:
        raise BadInput(f"{folder}: no trial has ended yet.")
    return leaderboard(records, _result(folder))


def leaderboard(records: Iterable[Record], result: Result | None) -> Leaderboard:
    """Rank records; the result of the run, if it has one, tells which of them are in the bundle, and their weight in
    its answers."""
    ranked = sorted(records, key=Record.order)
    taken = zip(result.best, result.weights, strict=True) if result else ()
    weights = {record.number: weight for record, weight in taken}
    rows = (_row(position, record, weights.get(record.number)) for position, record in enumerate(ranked, start=1))
    return Leaderboard(tuple(rows), members=len(weights))


def write_leaderboard(folder: Path, records: Iterable[Record]) -> None:
    """Rank the records of a run into its `leaderboard.csv`."""
    ranked = leaderboard(records, _result(folder))
    write_whole(folder / "leaderboard.csv", as_csv(ranked.columns, ranked.rows).encode())


def _result(folder: Path) -> Result | None:
    path = folder / "result.json"
    return Result.read(path) if path.exists() else None


def _row(position: int, record: Record, weight: float | None) -> dict[str, Any]:
    scored = record.state in ("done", "paused", "stopped") and record.score is not None
    return {
        "rank": position if scored else None,
        "trial": record.number,
        "score": record.score,
        "loss": record.loss,
        "backbone": record.recipe.backbone,
        "strategy": record.recipe.strategy,
        "epochs": len(record.epochs),
        "seconds": record.seconds,
        "weight": weight,
        "state": record.state,
        "error": record.error,
    }


def _text(column: str, value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.{_DIGITS[column]}f}" if column in _DIGITS else str(value)

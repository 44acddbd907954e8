"""`Board`: the trials of a run, ranked. One function ranks; terminal and CSV print the same rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autosft.contracts.document import write_whole
from autosft.contracts.record import Record, Result
from autosft.errors import BadInput

COLUMNS = ("rank", "trial", "score", "loss", "backbone", "strategy", "epochs", "seconds", "share", "state", "error")


@dataclass(frozen=True)
class Board:
    """Ranked rows under `COLUMNS`; failed trials stand last, without a rank.

    Attributes:
        rows: The rows. The share is that of the trial in the answers of the bundle; empty if it is not in it.
        members: How many models the bundle holds; 0 if there is none yet.
    """

    rows: tuple[dict[str, str], ...]
    members: int = 0


def board_of(folder: Path) -> Board:
    """Rank the trials of a run's folder.

    Raises:
        BadInput: The folder is no run, or has no ended trial.
    """
    if not (folder / "run.json").exists():
        raise BadInput(f"{folder}: no run here (run.json is missing). Give the folder that `autosft search` named.")
    records = [Record.read(path) for path in sorted((folder / "trials").glob("*/record.json"))]
    if not records:
        raise BadInput(f"{folder}: no trial has ended yet.")
    return board(records, _result(folder))


def board(records: Iterable[Record], result: Result | None) -> Board:
    """Rank records; the result of the run, if it has one, tells which of them are in the bundle."""
    ranked = sorted(records, key=Record.order)
    taken = zip(result.best, result.shares, strict=True) if result else ()
    shares = {record.number: share for record, share in taken}
    rows = (_row(position, record, shares.get(record.number)) for position, record in enumerate(ranked, start=1))
    return Board(tuple(rows), len(shares))


def write_leaderboard(folder: Path, records: Iterable[Record]) -> None:
    """Rank the records of a run into its `leaderboard.csv`."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    writer.writerows([row[column] for column in COLUMNS] for row in board(records, _result(folder)).rows)
    write_whole(folder / "leaderboard.csv", stream.getvalue().encode())


def _result(folder: Path) -> Result | None:
    path = folder / "result.json"
    return Result.read(path) if path.exists() else None


def _row(position: int, record: Record, share: float | None) -> dict[str, str]:
    scored = record.state in ("done", "paused", "stopped") and record.score is not None
    return {
        "rank": str(position) if scored else "",
        "trial": str(record.number),
        "score": f"{record.score:.4f}" if record.score is not None else "",
        "loss": f"{record.loss:.4f}" if record.loss is not None else "",
        "backbone": record.recipe.backbone,
        "strategy": record.recipe.strategy,
        "epochs": str(len(record.epochs)),
        "seconds": f"{record.seconds:.1f}",
        "share": f"{share:.2f}" if share is not None else "",
        "state": record.state,
        "error": record.error,
    }

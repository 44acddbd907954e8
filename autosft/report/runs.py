"""`compare_runs`: several runs, one row each, and who is ahead over tasks. `leaderboard`: the same as a data frame."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autosft.errors import BadInput
from autosft.report.formats import as_frame
from autosft.report.leaderboard import Leaderboard, leaderboard_of
from autosft.report.saved_run import SavedRun, read_saved_run
from autosft.report.words import way

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("task", "metric", "rank", "run", "test", "low", "high", "valid", "trials", "seconds", "budget", "best")
OVERALL = ("entrant", "mean rank", "first", "tasks")


def leaderboard(run: str | Path, *more: str | Path) -> DataFrame:
    """The trials of a run, best first; or several runs, one row each, the best of each task first.

    A trial has rank, trial, score, loss, backbone, strategy, epochs, seconds, weight (in the answers of the bundle),
    state and error. A run has task, metric, rank (within the task), run, test with the interval low to high, valid,
    trials, seconds, budget and best (what its bundle holds). Of scores higher is better; times are in seconds.

    Args:
        run: The folder of a run, finished or not.
        more: Folders of others.

    Warns:
        UserWarning: A run is not finished, or runs of one task had different rows, so that their scores are of
            different test rows.

    Raises:
        BadInput: A folder is no run, or has no trial that has ended.
        PartMissing: pandas is not installed.
    """
    leaderboard = compare_runs([Path(run), *map(Path, more)])[0] if more else leaderboard_of(Path(run))
    for note in leaderboard.notes:
        warnings.warn(note, stacklevel=2)
    return as_frame(leaderboard.columns, leaderboard.values)


def compare_runs(folders: Sequence[Path]) -> tuple[Leaderboard, Leaderboard | None]:
    """Runs ranked within each task by their test score (those that are not finished come after, by validation), and
    entrants ranked over tasks.

    Runs that lie in the same folder are of the same entrant. Entrants are ranked if there are several, and each has one
    finished run of each of several tasks: by the mean of their ranks.

    Raises:
        BadInput: A folder is no run, or is named twice.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise BadInput("A run is named twice; name each once.")
    by_task: dict[tuple[str, str], list[SavedRun]] = defaultdict(list)
    for saved_run in map(read_saved_run, folders):
        by_task[saved_run.task.name, saved_run.metric].append(saved_run)
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for (task, _), saved_runs in sorted(by_task.items()):
        saved_runs.sort(key=_order)
        rows += [
            _row(saved_run, 1 + sum(_order(other) < _order(saved_run) for other in saved_runs))
            for saved_run in saved_runs
        ]
        if len({saved_run.fingerprint for saved_run in saved_runs}) > 1:
            notes.append(f"{task}: the runs had different rows or splits, so their scores are of different test rows")
        notes += [f"{saved_run.folder}: not finished" for saved_run in saved_runs if saved_run.result is None]
    return Leaderboard(tuple(rows), COLUMNS, notes=tuple(notes)), _overall(rows)


def _order(saved_run: SavedRun) -> tuple[bool, float, float]:
    """Sorts the runs of a task from best to worst, and those that are not finished behind."""
    result = saved_run.result
    test = -result.test if result and result.test is not None else float("inf")
    valid = result.valid if result else next((one.score for one in saved_run.scored), None)
    return result is None, test, -valid if valid is not None else float("inf")


def _row(saved_run: SavedRun, rank: int) -> dict[str, Any]:
    result = saved_run.result
    low, high = result.interval if result and result.interval else (None, None)
    best = [way(record.recipe) for record in saved_run.chosen]
    return {
        "task": saved_run.task.name,
        "metric": saved_run.metric,
        "rank": rank if result else None,
        "run": str(saved_run.folder),
        "test": result.test if result else None,
        "low": low,
        "high": high,
        "valid": result.valid if result else next((one.score for one in saved_run.scored), None),
        "trials": len(saved_run.records),
        "seconds": result.seconds["total"] if result else saved_run.seconds,
        "budget": saved_run.spec["budget"],
        "best": f"ensemble of {len(best)}, first {best[0]}" if len(best) > 1 else "".join(best),
    }


def _overall(rows: Sequence[dict[str, Any]]) -> Leaderboard | None:
    """Entrants by the mean of their ranks; None where they did not all enter for the same tasks."""
    ranks: dict[str, dict[str, int]] = defaultdict(dict)
    tasks = {row["task"] for row in rows}
    for row in rows:
        if row["rank"]:
            ranks[str(Path(row["run"]).parent)][row["task"]] = row["rank"]
    complete = all(set(of_tasks) == tasks for of_tasks in ranks.values())
    once = sum(map(len, ranks.values())) == len(rows)
    if len(ranks) < 2 or len(tasks) < 2 or not complete or not once:
        return None
    values = [
        {
            "entrant": entrant,
            "mean rank": sum(of_tasks.values()) / len(of_tasks),
            "first": sum(rank == 1 for rank in of_tasks.values()),
            "tasks": len(of_tasks),
        }
        for entrant, of_tasks in ranks.items()
    ]
    return Leaderboard(tuple(sorted(values, key=lambda row: float(row["mean rank"]))), OVERALL)

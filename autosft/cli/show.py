"""`autosft leaderboard`: the trials of a run, or several runs, ranked. `autosft report`: the run as a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autosft.cli.options import Modules
from autosft.contracts.task import TaskTarget
from autosft.host.registry import Registry
from autosft.report.board import Board, board_of
from autosft.report.contest import contest_of
from autosft.report.formats import as_csv, as_markdown

WIDTH_OF_FILES, ENDLESS = 160, 10_000
SPARED = (("budget",), ("trials",), ("metric",), ("low", "high"), ("epochs",), ("loss",), ("seconds",))
"""Columns that go first where a terminal is narrow."""

LEFT = ("backbone", "strategy", "state", "error", "task", "metric", "run", "best", "entrant")


class Format(StrEnum):
    """How rows are written."""

    table = "table"
    csv = "csv"
    markdown = "markdown"
    json = "json"


def leaderboard(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="The folder of a run, or of several.")],
    format: Annotated[Format, typer.Option(help="How to write it; JSON has all digits.")] = Format.table,
) -> None:
    """Rank the trials of a run; or several runs, one row each, within each task and over tasks.

    Runs of one folder are of one entrant: `autosft leaderboard ours/* theirs/*` also ranks ours against theirs, if both
    have a finished run of each of the same tasks.
    """
    if len(runs) == 1:
        boards = {"trials": board_of(runs[0])}
    else:
        contest, overall = contest_of(runs)
        boards = {"runs": contest, **({"entrants": overall} if overall else {})}
    first = next(iter(boards.values()))
    if format is Format.json:
        typer.echo(json.dumps({name: board.values for name, board in boards.items()}, indent=1, ensure_ascii=False))
    elif format is Format.csv:
        typer.echo(as_csv(first.columns, first.rows), nl=False)
    elif format is Format.markdown:
        typer.echo("\n".join(_markdown(board) for board in boards.values()), nl=False)
    else:
        for board in boards.values():
            console().print(board_table(board, console()))
    for note in first.notes:
        to = console() if format is Format.table else Console(stderr=True, highlight=False)
        to.print(Text(f"Note: {note}", style="yellow"), soft_wrap=True)


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run, finished or not.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file to write; report.html in the run by default.")] = None,
    plugin: Modules = None,
) -> None:
    """Write what happened in a run into one HTML file, to be opened without a network and shown to others."""
    from autosft.host.loading import load
    from autosft.report.account import account_of
    from autosft.report.page import write_report

    account, out = account_of(run), out or run / "report.html"
    task, registry = account.task, load(plugin or ())
    known = all(_is_known(target, registry) for target in task.targets)
    problems = registry.problems_of(task) if known else ()
    write_report(account, out, registry.modalities.get(task.modality), problems, registry.sections.values())
    typer.echo(f"report written to {out}")


def _is_known(target: TaskTarget, registry: Registry) -> bool:
    """Whether the plugins are there that bring its problem and its metric."""
    problem = registry.problems.get(target.problem)
    return problem is not None and (not target.metric or target.metric in problem.metrics)


def console() -> Console:
    """Where commands print: as wide as the terminal, and wide enough for every table where there is none."""
    to = Console(highlight=False)
    return to if to.is_terminal else Console(highlight=False, width=WIDTH_OF_FILES)


def board_table(board: Board, to: Console, *, limit: int | None = None) -> Table:
    """A board as a table for the terminal; the columns of shares, states and errors only where they say something, and
    of the others as many as the terminal has room for."""
    columns, left_out = _telling(board), list[str]()
    table = _table(board, columns, limit)
    for group in SPARED:
        if to.measure(table, options=to.options.update(max_width=ENDLESS)).maximum <= to.width:
            break
        if spared := [name for name in columns if name in group]:
            left_out += spared
            columns = [name for name in columns if name not in group]
            table = _table(board, columns, limit)
    more = [f"{len(board.rows) - limit} more"] if limit is not None and len(board.rows) > limit else []
    blended = [f"the model is a blend of {board.members}"] if board.members > 1 else []
    hidden = [f"no room for {', '.join(left_out)}"] if left_out else []
    table.caption = "; ".join(more + blended + hidden) or None
    return table


def _table(board: Board, columns: Sequence[str], limit: int | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in LEFT else "right", overflow="fold")
    for row in board.rows[:limit]:
        table.add_row(*(Text(row[name]) for name in columns))
    return table


def _markdown(board: Board) -> str:
    columns = _telling(board)
    return as_markdown(columns, board.rows, [name for name in columns if name not in LEFT])


def _telling(board: Board) -> list[str]:
    """The columns, without those of shares, states and errors that say nothing."""
    rows = board.rows
    silent = ("", "done", "1.00")
    return [
        name
        for name in board.columns
        if name not in ("share", "state", "error") or any(row[name] not in silent for row in rows)
    ]

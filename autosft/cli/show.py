"""`autosft leaderboard`: the trials of a run, ranked. `autosft report`: the run as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from autosft.report.board import COLUMNS, Board, board_of

WIDTH_OF_FILES = 160
RIGHT = ("rank", "trial", "score", "loss", "epochs", "seconds", "share")


def leaderboard(run: Annotated[Path, typer.Argument(help="The folder of a run.")]) -> None:
    """Show the trials of a run, best first."""
    console().print(board_table(board_of(run)))


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run, finished or not.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file to write; report.html in the run by default.")] = None,
) -> None:
    """Write what happened in a run into one HTML file, to be opened without a network and shown to others."""
    from autosft.host.loading import load
    from autosft.report.account import account_of
    from autosft.report.page import write_report

    account, out = account_of(run), out or run / "report.html"
    task, registry = account.task, load()
    known = all(name in registry.problems for name in task.problems)
    problems = [registry.problem(name) for name in task.problems] if known else []
    write_report(account, out, registry.modalities.get(task.modality), problems)
    typer.echo(f"report written to {out}")


def console() -> Console:
    """Where commands print: as wide as the terminal, and wide enough for every table where there is none."""
    to = Console(highlight=False)
    return to if to.is_terminal else Console(highlight=False, width=WIDTH_OF_FILES)


def board_table(board: Board, *, limit: int | None = None) -> Table:
    """A board as a table for the terminal; the columns of shares, states and errors only where they say something."""
    columns = [name for name in COLUMNS if name not in ("share", "state", "error") or _says(board, name)]
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)  # fits 80 columns
    for name in columns:
        table.add_column(name, justify="right" if name in RIGHT else "left", overflow="fold")
    for row in board.rows[:limit]:
        table.add_row(*(row[name] for name in columns))
    more = [f"{len(board.rows) - limit} more"] if limit is not None and len(board.rows) > limit else []
    blended = [f"the model is a blend of {board.members}"] if board.members > 1 else []
    table.caption = "; ".join(more + blended) or None
    return table


def _says(board: Board, name: str) -> bool:
    return any(row[name] not in ("", "done", "1.00") for row in board.rows)

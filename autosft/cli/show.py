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
from autosft.report.formats import as_csv, as_markdown
from autosft.report.leaderboard import Leaderboard, leaderboard_of
from autosft.report.runs import compare_runs

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
        leaderboards = {"trials": leaderboard_of(runs[0])}
    else:
        compared, overall = compare_runs(runs)
        leaderboards = {"runs": compared, **({"entrants": overall} if overall else {})}
    first = next(iter(leaderboards.values()))
    if format is Format.json:
        typer.echo(
            json.dumps(
                {name: leaderboard.values for name, leaderboard in leaderboards.items()}, indent=1, ensure_ascii=False
            )
        )
    elif format is Format.csv:
        typer.echo(as_csv(first.columns, first.rows), nl=False)
    elif format is Format.markdown:
        typer.echo("\n".join(_markdown(leaderboard) for leaderboard in leaderboards.values()), nl=False)
    else:
        for leaderboard in leaderboards.values():
            console().print(leaderboard_table(leaderboard, console()))
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
    from autosft.report.page import write_report
    from autosft.report.saved_run import read_saved_run

    saved_run, out = read_saved_run(run), out or run / "report.html"
    task, registry = saved_run.task, load(plugin or ())
    known = all(_is_known(target, registry) for target in task.targets)
    problems = registry.problems_of(task) if known else ()
    write_report(saved_run, out, registry.modalities.get(task.modality), problems, registry.sections.values())
    typer.echo(f"report written to {out}")


def _is_known(target: TaskTarget, registry: Registry) -> bool:
    """Whether the plugins are there that bring its problem and its metric."""
    problem = registry.problems.get(target.problem)
    return problem is not None and (not target.metric or target.metric in problem.metrics)


def console() -> Console:
    """Where commands print: as wide as the terminal, and wide enough for every table where there is none."""
    to = Console(highlight=False)
    return to if to.is_terminal else Console(highlight=False, width=WIDTH_OF_FILES)


def leaderboard_table(leaderboard: Leaderboard, to: Console, *, limit: int | None = None) -> Table:
    """A leaderboard as a table for the terminal; the columns of weights, states and errors only where they say
    something, and of the others as many as the terminal has room for."""
    columns, left_out = _telling(leaderboard), list[str]()
    table = _table(leaderboard, columns, limit)
    for group in SPARED:
        if to.measure(table, options=to.options.update(max_width=ENDLESS)).maximum <= to.width:
            break
        if spared := [name for name in columns if name in group]:
            left_out += spared
            columns = [name for name in columns if name not in group]
            table = _table(leaderboard, columns, limit)
    more = [f"{len(leaderboard.rows) - limit} more"] if limit is not None and len(leaderboard.rows) > limit else []
    ensemble = [f"the model is an ensemble of {leaderboard.members}"] if leaderboard.members > 1 else []
    hidden = [f"no room for {', '.join(left_out)}"] if left_out else []
    table.caption = "; ".join(more + ensemble + hidden) or None
    return table


def _table(leaderboard: Leaderboard, columns: Sequence[str], limit: int | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in LEFT else "right", overflow="fold")
    for row in leaderboard.rows[:limit]:
        table.add_row(*(Text(row[name]) for name in columns))
    return table


def _markdown(leaderboard: Leaderboard) -> str:
    columns = _telling(leaderboard)
    return as_markdown(columns, leaderboard.rows, [name for name in columns if name not in LEFT])


def _telling(leaderboard: Leaderboard) -> list[str]:
    """The columns, without those of weights, states and errors that say nothing."""
    rows = leaderboard.rows
    silent = ("", "done", "1.00")
    return [
        name
        for name in leaderboard.columns
        if name not in ("weight", "state", "error") or any(row[name] not in silent for row in rows)
    ]

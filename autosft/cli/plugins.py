"""`autosft plugins`: what is installed, what it offers, and what did not load.

It only prints what the host found; it knows no part by name.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from json import dumps
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autosft.host.loading import load
from autosft.host.registry import Plugin

_COLORS = {"ok": "green", "failed": "red", "disabled": "yellow"}


def plugins(
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list, not a table.")] = False,
) -> None:
    """List the installed plugins, their parts, and why one did not load."""
    with redirect_stdout(sys.stderr):  # a plugin that prints when imported must not spoil the JSON
        rows = load().plugins
    failed = [row for row in rows if row.status == "failed"]
    if json:
        typer.echo(dumps([asdict(row) for row in rows], indent=1))
    elif rows:
        Console().print(_table(rows))
        for row in failed:
            typer.echo(f"{row.title}: {row.error}")
    else:
        typer.echo('No plugin is installed. `pip install "autosft[all]"` brings the first.')
    if failed:
        typer.echo(f"{len(failed)} of {len(rows)} plugins did not load.", err=True)


def _table(rows: Sequence[Plugin]) -> Table:
    table = Table("Distribution", "Version", "API", "Parts", "Status", "Import s")
    for row in rows:
        table.add_row(
            Text(row.distribution, overflow="fold"),
            Text(row.version),
            "" if row.api is None else str(row.api),
            Text("\n".join(row.parts), overflow="fold"),
            Text(row.status, style=_COLORS[row.status]),
            f"{row.seconds:.2f}" if row.seconds else "",
        )
    return table

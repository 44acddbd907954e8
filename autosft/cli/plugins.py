"""`autosft plugins`: what is installed and what did not load; `new` and `check` for those who write plugins.

It only prints what the host and `autosft.testing` found; it knows no part by name.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autosft.host.loading import load
from autosft.host.registry import Plugin

_COLORS = {"ok": "green", "failed": "red", "disabled": "yellow"}
_SIGNS = {"kept": ("kept", "green"), "broken": ("BROKEN", "red"), "unchecked": ("not checked", "yellow")}

app = typer.Typer(invoke_without_command=True, pretty_exceptions_enable=False)


@app.callback()
def plugins(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list, not a table.")] = False,
) -> None:
    """List the installed plugins, their parts, and why one did not load."""
    if context.invoked_subcommand:
        return
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


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The name of the package, such as my-strategy.")],
    kind: Annotated[str, typer.Option(help="modality, backbone, problem, strategy, weights, executor or observer.")],
    into: Annotated[Path, typer.Option(help="The folder in which that of the package is made.")] = Path(),
) -> None:
    """Write a new plugin: a package with a part that works, and tests that pass."""
    from autosft.testing.scaffold import write_package

    folder = write_package(name, kind, into)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        typer.echo(f"  {path}")
    typer.echo(
        f'\nNext:\n  pip install -e "{folder}[test]"\n  pytest {folder}\n  autosft plugins check {name}\n\n'
        f"{folder}/README.md says where to go on."
    )


@app.command()
def check(
    package: Annotated[str, typer.Argument(help="An installed package, such as autosft-strategies.")],
    data: Annotated[
        list[Path] | None, typer.Option(help="Data for its modality, or for what its backbones read; several are fine.")
    ] = None,
    traceback: Annotated[bool, typer.Option("--traceback", help="Say where each broken promise broke.")] = False,
) -> None:
    """Review an installed package: does every part of it keep the promises of its contract? Exit code 1 if not."""
    from autosft.testing.review import Verdict, plugins_of, review

    console, shown = Console(file=sys.stdout, soft_wrap=True, highlight=False), [""]
    plugins = plugins_of(package)
    console.print(f"{plugins[0].distribution} {plugins[0].version}, as installed", style="bold")

    def show(verdict: Verdict) -> None:
        if verdict.part != shown[-1]:
            shown.append(verdict.part)
            console.print(f"\n{verdict.part}", style="bold", markup=False)
        sign, color = _SIGNS[verdict.outcome]
        reason = f": {verdict.why}" if verdict.why else ""
        console.print(Text.assemble("  ", (f"{sign:<13}", color), verdict.promise, (reason, color)))
        if traceback and verdict.traceback:
            console.print(verdict.traceback, markup=False)

    verdicts = review(plugins, data or (), show)
    counts = {outcome: sum(verdict.outcome == outcome for verdict in verdicts) for outcome in _SIGNS}
    console.print(
        f"\n{counts['kept']} promises kept, {counts['broken']} broken, {counts['unchecked']} not checked.", style="bold"
    )
    if counts["broken"]:
        raise typer.Exit(1)


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

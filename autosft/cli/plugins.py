"""`autosft plugins`: what is installed and what did not load; `show` for the parameters of a part; `new`, `check` and
`try` for those who write plugins.

It only prints what the host and `autosft.testing` found; it knows no part by name.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from json import dumps
from pathlib import Path
from traceback import print_exception
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from autosft.cli import completion
from autosft.cli.options import Modules
from autosft.contracts.space import range_of, written
from autosft.errors import AutoSFTError, BadInput
from autosft.host.loading import load
from autosft.host.registry import Plugin, shown_version

if TYPE_CHECKING:
    from autosft.testing.review import CheckResult, Started

_COLORS = {"ok": "green", "failed": "red", "disabled": "yellow"}
_SIGNS = {"passed": ("passed", "green"), "failed": ("FAILED", "red"), "skipped": ("skipped", "yellow")}

_WIDTH = 84
"""Checks are followed by dots up to this column, so that results stand below each other."""

app = typer.Typer(invoke_without_command=True, pretty_exceptions_enable=False)


@app.callback()
def plugins(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON list, not a table.")] = False,
    plugin: Modules = None,
) -> None:
    """List the installed plugins, their parts, and why one did not load."""
    if context.invoked_subcommand:
        if plugin:
            raise BadInput(f"Give -p after {context.invoked_subcommand!r}, not before it.")
        return
    with redirect_stdout(sys.stderr):  # a plugin that prints when imported must not spoil the JSON
        rows = load(plugin or ()).plugins
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
def show(
    part: Annotated[
        str,
        typer.Argument(
            autocompletion=completion.parts,
            help="A strategy, problem, modality or family of backbones; or optim, regular or stop.",
        ),
    ],
    plugin: Modules = None,
) -> None:
    """List the parameters of a part: their names as `autosft search --set` takes them, what they may be, their defaults
    and meaning."""
    from autosft.runs.parameters import parameters_of

    parameters = parameters_of(load(plugin or ()), part)
    if not parameters:
        typer.echo(f"{part} has no parameters.")
        return
    table = Table(Column("--set", no_wrap=True), "Type", "Range", "Default", "What it is")
    for name, parameter in parameters.items():
        kind = type(parameter).__name__.lower()
        table.add_row(
            Text(name), kind, Text(range_of(parameter)), Text(written(parameter.default)), Text(parameter.doc)
        )
    Console().print(table)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The name of the package, such as my-strategy.")],
    kind: Annotated[
        str, typer.Option(help="modality, backbone, problem, metric, strategy, weights, executor, section or observer.")
    ],
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
    package: Annotated[
        str, typer.Argument(help="An installed package, such as autosft-strategies, or a Python file.")
    ] = "",
    plugin: Modules = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Data for its modality, or for what its backbones read; several are fine.")
    ] = None,
    backbone: Annotated[str, typer.Option(help="A backbone whose weights its weight source has.")] = "",
    timeout: Annotated[str, typer.Option(help="How long one check may take, such as 90s or 5m.")] = "2m",
    budget: Annotated[str, typer.Option(help="How long all checks may take together.")] = "30m",
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Print the traceback of each check that failed.")
    ] = False,
) -> None:
    """Run the conformance tests of every part of a package, or of a Python file. Exit code 1 if one fails."""
    from autosft.runs.spec import parse_seconds
    from autosft.testing.review import plugins_of, review, with_file

    modules = with_file(package, plugin or ())
    limits = {"timeout": parse_seconds(timeout), "budget": parse_seconds(budget)}
    console = Console(file=sys.stdout, soft_wrap=True, highlight=False)
    plugins = plugins_of(package, modules)
    for one in {one.distribution: one for one in plugins}.values():
        console.print(f"{one.distribution} {shown_version(one.version)}", style="bold")

    show = _Progress(console, traceback=traceback)
    results = review(plugins, data or (), show, modules=modules, backbone=backbone, **limits)
    counts = {outcome: sum(result.outcome == outcome for result in results) for outcome in _SIGNS}
    more = " --traceback prints the tracebacks." if counts["failed"] and not traceback else ""
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    console.print(f"\n{told}.{more}", style="bold")
    for line in _failed(results):
        console.print(Text(line, style="red"))
    if counts["failed"]:
        raise typer.Exit(1)


@app.command("try")
def try_(
    part: Annotated[str, typer.Argument(help="A strategy, problem or modality, a backbone, or a family of backbones.")],
    data: Annotated[Path, typer.Option(help="The data, as of a search.")],
    plugin: Modules = None,
    backbone: Annotated[str, typer.Option(help="A backbone; the smallest that fits by default.")] = "",
    strategy: Annotated[str, typer.Option(help="A strategy; the cheapest that fits by default.")] = "",
    problem: Annotated[str, typer.Option(help="A problem; found out by default.")] = "",
    target: Annotated[list[str] | None, typer.Option(help="The column of the target.")] = None,
    inputs: Annotated[list[str] | None, typer.Option(help="The column of texts or paths.")] = None,
    unlabeled: Annotated[list[str] | None, typer.Option(help="A folder or table of samples without labels.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="PART.PARAMETER=VALUE", help="A parameter; several are fine.")
    ] = None,
    rows: Annotated[int, typer.Option(min=0, help="The most rows to train on; 0 means all.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Splits and training derive from it.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0, …")] = "cpu",
) -> None:
    """Train one trial of a part in this process, with real data: the first batch, shapes, losses.

    There are no workers, so that a breakpoint in the part stops here; what it raises comes with its traceback.
    """
    from autosft.contracts.settings import parse_settings
    from autosft.testing.finding import find_part, raised_in
    from autosft.testing.trying import try_part

    settings = parse_settings(set_ or ())
    kind, name, registry = find_part(part, load(plugin or ()))
    try:
        try_part(
            part,
            data,
            backbone=backbone,
            strategy=strategy,
            problem=problem,
            target=target or (),
            inputs=inputs or (),
            unlabeled=unlabeled or (),
            settings=settings,
            rows=rows,
            seed=seed,
            device=device,
            registry=registry,
            say=typer.echo,
        )
    except AutoSFTError as error:
        if not raised_in(error, kind, name, registry):
            raise
        print_exception(error)
        raise typer.Exit(1) from error


class _Progress:
    """Prints each check as it begins, and its result as soon as there is one."""

    def __init__(self, console: Console, *, traceback: bool) -> None:
        self._console, self._traceback = console, traceback
        self._part, self._begun = "", False

    def __call__(self, told: Started | CheckResult) -> None:
        if not self._begun:
            self._begin(told.part, told.check)
        self._begun = not hasattr(told, "outcome")
        if not self._begun:
            self._end(cast("CheckResult", told))

    def _begin(self, part: str, check: str) -> None:
        if part != self._part:
            self._part = part
            self._console.print(f"\n{part}", style="bold", markup=False)
        self._console.print(f"  {check} ".ljust(_WIDTH, ".") + " ", end="", markup=False)
        sys.stdout.flush()

    def _end(self, told: CheckResult) -> None:
        sign, color = _SIGNS[told.outcome]
        took = f" {told.seconds:.1f} s" if told.seconds else ""
        self._console.print(Text.assemble((sign, color), took, (f": {told.why}" if told.why else "", color)))
        if self._traceback and told.traceback:
            self._console.print(told.traceback, markup=False)


def _failed(results: Sequence[CheckResult]) -> list[str]:
    """What failed and why; several checks of a part that failed for one reason are one line."""
    checks: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.outcome == "failed":
            checks.setdefault((result.part, result.why), []).append(result.check)
    return [
        f"{part}: {names[0]}{f', and {len(names) - 1} more' if names[1:] else ''}: {why}"
        for (part, why), names in checks.items()
    ]


def _table(rows: Sequence[Plugin]) -> Table:
    table = Table("Distribution", "Version", "API", "Parts", "Status", "Import s")
    for row in rows:
        table.add_row(
            Text(row.distribution, overflow="fold"),
            Text(shown_version(row.version)),
            "" if row.api is None else str(row.api),
            Text("\n".join(row.parts), overflow="fold"),
            Text(row.status, style=_COLORS[row.status]),
            f"{row.seconds:.2f}" if row.seconds else "",
        )
    return table

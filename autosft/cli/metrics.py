"""`autosft metrics`: the scores of each problem, and what they are."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autosft.cli.options import Modules
from autosft.host.loading import load


def metrics(
    problem: Annotated[str, typer.Argument(help="classification, multilabel, regression, …; all by default.")] = "",
    plugin: Modules = None,
) -> None:
    """List the metrics that a search can maximize; the first of each problem is its default, and higher is better."""
    registry = load(plugin or ())
    problems = [registry.problem(problem)] if problem else list(registry.problems.values())
    table = Table()
    table.add_column("Problem", no_wrap=True)
    table.add_column("--metric", no_wrap=True)  # a name that is cut cannot be copied
    table.add_column("What it is")
    for one in problems:
        for number, (name, metric) in enumerate(one.metrics.items()):
            table.add_row("" if number else one.name, name, metric.about, end_section=number == len(one.metrics) - 1)
    Console().print(table)

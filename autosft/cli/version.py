"""`autosft --version`: what is installed. Reads metadata, and imports nothing heavy."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer


def version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="With --version: also those of Python, the plugins and the libraries."),
    ] = False,
) -> None:
    """Fine-tune the best pretrained model for your data, within a time budget."""
    if version:
        typer.echo(f"autosft {metadata.version('autosft')}")
        if verbose:
            for line in _lines():
                typer.echo(line)
        raise typer.Exit
    if verbose:
        context.fail("--verbose goes with --version; of a command, it stands behind its name.")
    if context.invoked_subcommand is None:
        context.fail("Missing command.")


def _lines() -> list[str]:
    """What runs and results depend on, one line each; the plugins with what became of those that did not load."""
    from autosft.host.loading import load
    from autosft.runs.versions import installed_versions

    registry = load()
    versions = installed_versions(registry)
    lines = [f"{name} {number}" for name, number in versions.items() if name != "autosft"]
    bad = [row for row in registry.plugins if row.status != "ok"]
    return [*lines, *(f"{row.title}: {row.error or 'disabled'}" for row in bad)]

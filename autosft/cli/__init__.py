"""What the user typed: the commands, and how an error reads. Imports nothing heavy; commands import what they need.

An `AutoSFTError` becomes one line on standard error and exit code 2, with nothing of a traceback.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys

import typer
from rich.console import Console

from autosft.cli.export import export
from autosft.cli.metrics import metrics
from autosft.cli.model import predict
from autosft.cli.plugins import app as plugins
from autosft.cli.search import search, worker
from autosft.cli.serve import serve
from autosft.cli.show import leaderboard, report
from autosft.cli.version import version
from autosft.errors import AutoSFTError

app = typer.Typer(
    name="autosft",
    help="Fine-tune the best pretrained model for your data, within a time budget.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback(invoke_without_command=True)(version)
app.command()(search)
app.command()(leaderboard)
app.command()(report)
app.command()(predict)
app.command()(export)
app.command()(serve)
app.command()(metrics)
app.add_typer(plugins, name="plugins")
app.command(hidden=True)(worker)


INTERRUPTED, TERMINATED = 130, 143
"""What typer makes of Ctrl-C, and a search of SIGTERM."""


def main() -> None:
    """Run the command line."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    # Before OpenMP is loaded: where the machine is busy, threads that spin while they wait keep others from working.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # At its end Python looks through all that torch and timm have made for cycles, which takes seconds.
    atexit.register(gc.freeze)
    try:
        app(prog_name="autosft")
    except AutoSFTError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print("[bold red]Error:[/] ", end="")
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except SystemExit as end:
        if end.code in (INTERRUPTED, TERMINATED):
            sys.stderr.write("Interrupted. The same command goes on from here.\n")
        raise

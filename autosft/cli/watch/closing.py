"""The last screen of a search: what came out, and the commands that are of use next."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from autosft.cli.show import leaderboard_table
from autosft.contracts.record import Record, Result
from autosft.report.leaderboard import leaderboard_of
from autosft.report.words import seconds, way

MOST_TRIALS = 10

NEXT = (
    ("predict", "{run} FILES --out answers.csv{plugins}", "answers for new data"),
    ("report", "{run}{plugins}", "the run as an HTML file"),
    ("leaderboard", "{run}", "all trials"),
    ("export", "{run} --onnx model.onnx{plugins}", "for other programs"),
    ("serve", "{run}{plugins}", "answers over HTTP"),
)
"""Commands, their arguments, and what for."""


def closing(
    result: Result, folder: Path, commands: Collection[str], to: Console, plugins: Sequence[str] = ()
) -> RenderableType:
    """The last screen.

    Args:
        result: What came out.
        folder: The run's folder.
        commands: The names of the commands that there are.
        to: Where it is printed.
        plugins: The files and modules that the search was given as plugins; what uses the model needs them again.
    """
    outcome = Text("\n".join(_outcome(result, folder)))
    table = leaderboard_table(leaderboard_of(folder), to, limit=MOST_TRIALS)
    return Group(table, outcome, _next(short(folder), commands, plugins))


def _outcome(result: Result, folder: Path) -> Iterator[str]:
    best, *others = result.best
    what = f"ensemble of {len(result.best)}" if others else _model(best)
    yield f"Best: {what}, validation {result.metric} {result.valid:.4f}"
    if others:
        for record, weight in zip(result.best, result.weights, strict=True):
            yield f"  weight {weight:.2f}  trial {record.number:3d}  {_model(record)}"
    if result.refitted:
        some = f"{len(result.refitted)} of {len(result.best)} " if len(result.refitted) < len(result.best) else ""
        yield f"  {some}trained again on all rows for which there was time"
    if result.test is not None and result.interval is not None:
        low, high = result.interval
        yield f"Test {result.metric}: {result.test:.4f} (95 % interval {low:.4f} to {high:.4f})"
    within = f" of {seconds(result.budget)}" if result.budget else ""
    yield f"Time: {seconds(round(result.seconds['total']))}{within}; model in {short(folder / result.bundle)}"


def _next(run: str, commands: Collection[str], plugins: Sequence[str]) -> Text:
    """A command a line; one that is long is no reason to cut it."""
    given = {"run": shlex.quote(run), "plugins": "".join(f" -p {shlex.quote(plugin)}" for plugin in plugins)}
    typed = {
        f"autosft {name} {arguments.format(**given)}": purpose for name, arguments, purpose in NEXT if name in commands
    }
    widest = max(map(len, typed), default=0)
    lines = (Text.assemble("  ", (f"{line:{widest}}", "cyan"), f"  {purpose}") for line, purpose in typed.items())
    return Text("\n").join([Text("Next:"), *lines])


def _model(record: Record) -> str:
    soup = f"soup of {len(record.ingredients)}: " if record.ingredients else ""
    return soup + way(record.recipe)


def short(path: Path) -> str:
    """Relative to the working directory where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)

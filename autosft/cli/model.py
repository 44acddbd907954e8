"""`autosft predict`: answers for new data, from a run or a bundle."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from autosft.cli.options import Modules

if TYPE_CHECKING:
    from autosft.deploy.predictor import Predictor

SEPARATOR = ";"
"""Stands between labels, and between numbers, that are one answer together."""


def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run, or of a bundle.")],
    inputs: Annotated[list[str], typer.Argument(help="Files, or folders or archives of files.")],
    out: Annotated[Path | None, typer.Option(help="A CSV file to write; standard output by default.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0, …")] = "auto",
    plugin: Modules = None,
) -> None:
    """Answer for new data, as CSV: the input, its prediction, and the probability of each class or label.

    Several labels of one input stand in one cell with a semicolon between them, and so do several numbers, which also
    have a column each.
    """
    from autosft.contracts.document import write_whole
    from autosft.deploy.predictor import Predictor

    predictor = Predictor.load(run, device=device, plugins=plugin or ())
    header, rows, failed = _answers(predictor, inputs)
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows(rows)
    if out is None:
        sys.stdout.write(stream.getvalue())
    else:
        write_whole(out, stream.getvalue().encode())
        typer.echo(f"{len(rows) - failed} answers written to {out}", err=True)
    if failed:
        typer.echo(f"{failed} inputs could not be read; the column error says why", err=True)


def _answers(predictor: Predictor, inputs: list[str]) -> tuple[list[str], list[list[Any]], int]:
    """Header, rows and the number of inputs that could not be read, which stand last."""
    scan, names = predictor.collect(inputs), predictor.task.target_names
    predictions = ["prediction"] if len(names) == 1 else [f"prediction({name})" for name in names]
    columns: dict[str, Any] = {}
    rows: list[list[Any]] = []
    if len(scan.rows):
        outputs = predictor.outputs(scan.rows)
        columns = predictor.columns(outputs)
        decided = predictor.decide(outputs)
        answers = [[one] for one in decided] if len(names) == 1 else [list(one.values()) for one in decided]
        for position, (row, answer) in enumerate(zip(scan.rows.id, answers, strict=True)):
            numbers = (float(column[position]) for column in columns.values())
            rows.append([row, *map(_cell, answer), "", *map(_cell, numbers)])
    rows += [[skip.ref, *[""] * len(predictions), skip.reason, *[""] * len(columns)] for skip in scan.skipped]
    return ["input", *predictions, "error", *columns], rows, len(scan.skipped)


def _cell(answer: Any) -> str:
    """An answer as a cell of a table: labels and numbers side by side are joined, all else is JSON."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, float):
        return f"{answer:.10g}"
    if isinstance(answer, list) and all(isinstance(part, (str, float)) for part in cast("list[Any]", answer)):
        return SEPARATOR.join(map(_cell, cast("list[Any]", answer)))
    return json.dumps(answer, ensure_ascii=False)

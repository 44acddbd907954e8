"""`autosft predict`: answers for new data, from a run or a bundle."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from autosft.deploy.predictor import Predictor


def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run, or of a bundle.")],
    inputs: Annotated[list[str], typer.Argument(help="Files, or folders of files.")],
    out: Annotated[Path | None, typer.Option(help="A CSV file to write; standard output by default.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0, …")] = "auto",
) -> None:
    """Answer for new data, as CSV: the input, its prediction, and the probability of each class."""
    from autosft.contracts.document import write_whole
    from autosft.deploy.predictor import Predictor
    from autosft.training.device import pick_device

    predictor = Predictor.load(run, device=str(pick_device(device)))
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
    scan = predictor.collect(inputs)
    header: list[str] = ["input", "prediction", "error"]
    columns: list[str] = []
    rows: list[list[Any]] = []
    if len(scan.rows):
        outputs = predictor.outputs(scan.rows)
        answers = predictor.decide(outputs)
        rows = [[row, answer, ""] for row, answer in zip(scan.rows.id, answers, strict=True)]
        if "probabilities" in outputs[0].arrays:
            columns = [f"p({name})" for name in predictor.classes_]
            for row, probabilities in zip(rows, outputs[0].arrays["probabilities"], strict=True):
                row += [f"{value:.6f}" for value in probabilities]
    rows += [[fault.ref, "", fault.reason, *[""] * len(columns)] for fault in scan.faults]
    return header + columns, rows, len(scan.faults)

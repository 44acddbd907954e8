"""`autosft export`: a model as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autosft.cli.options import Modules
from autosft.errors import BadInput

if TYPE_CHECKING:
    from autosft.contracts.rows import Rows


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run, or of a bundle.")],
    onnx: Annotated[Path | None, typer.Option(help="An ONNX file to write.")] = None,
    torch: Annotated[Path | None, typer.Option(help="A file of torch.export to write (.pt2).")] = None,
    check: Annotated[
        list[str] | None, typer.Option(help="Inputs to check it with; the run's validation rows by default.")
    ] = None,
    plugin: Modules = None,
) -> None:
    """Write the model for programs without AutoSFT, what they must know in FILE.json; it is checked on real rows."""
    if onnx is None and torch is None:
        raise BadInput("Say what to write: --onnx FILE, --torch FILE, or both.")
    from autosft.deploy.export.formats import Onnx, Torch
    from autosft.deploy.export.writing import export_model
    from autosft.deploy.predictor import Predictor

    wanted = [(file, format) for file, format in ((onnx, Onnx()), (torch, Torch())) if file]
    for _, format in wanted:
        format.ready()
    predictor = Predictor.load(run, device="cpu", plugins=plugin or ())
    rows = predictor.rows(check) if check else _valid_rows(run)
    for file, format in wanted:
        done = export_model(predictor, file, format, rows)
        size = sum(path.stat().st_size for path in done.files) / 1e6
        typer.echo(f"{', '.join(map(str, reversed(done.files)))} written ({size:.1f} MB)")
        typer.echo(f"its answers differ from the model's by {done.difference:.1g} at most, on {done.rows} rows")


def _valid_rows(run: Path) -> Rows:
    """The validation rows of the run that a bundle lies in."""
    from autosft.runs.run import Run

    folder = next((folder for folder in (run, run.resolve().parent) if (folder / "run.json").is_file()), None)
    if folder is None:
        raise BadInput(f"{run}: no run here to take rows from. Name inputs to check the export with: --check FILE.")
    return Run.read(folder).data.valid

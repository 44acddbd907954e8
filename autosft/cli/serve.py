"""`autosft serve`: a model as an HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autosft.cli.options import Modules


def serve(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run, or of a bundle.")],
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0, …")] = "auto",
    batch: Annotated[int, typer.Option(min=1, help="Inputs that are answered in one pass.")] = 32,
    wait: Annotated[float, typer.Option(min=0, help="Milliseconds that a request waits for others.")] = 5.0,
    most_megabytes: Annotated[int, typer.Option(min=1, help="The largest request.")] = 32,
    plugin: Modules = None,
) -> None:
    """Answer over HTTP: POST /predict, GET /info and /health; /openapi.json describes them. Ctrl-C ends it."""
    from autosft.deploy.extras import need

    need("serve", "fastapi", "uvicorn", "python_multipart")
    from autosft.deploy.predictor import Predictor
    from autosft.serving.app import Limits
    from autosft.serving.server import bound
    from autosft.serving.server import serve as run_server

    listening = bound(host, port)
    predictor = Predictor.load(run, device=device, plugins=plugin or ())
    limits = Limits(most_bytes=most_megabytes * 1024**2, batch=batch, wait=wait / 1000)
    at = f"http://{host}:{listening.getsockname()[1]}"
    typer.echo(f"{predictor.task.name}: {at}/predict  (what the model is: {at}/info; Ctrl-C ends)")
    run_server(predictor, listening, limits)

"""`serve`: the application on a socket, until a signal ends it. What was accepted by then is answered."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from autosft.errors import BadInput
from autosft.serving.app import Limits, make_app

if TYPE_CHECKING:
    from autosft.deploy.predictor import Predictor


GRACE_SECONDS = 30
"""How long requests that were begun may take after a signal: a client that has stalled must not keep the service."""


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free.

    Raises:
        BadInput: The address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise BadInput(f"{host}:{port}: cannot listen there ({error}). Give another --host or --port.") from error


def serve(predictor: Predictor, listening: socket.socket, limits: Limits) -> None:
    """Answer requests until SIGINT or SIGTERM; then take no more, and answer those that were accepted.

    Args:
        predictor: What answers.
        listening: From `bound`.
        limits: What is taken.
    """
    config = uvicorn.Config(
        make_app(predictor, limits),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # uvicorn has its own while it runs, and raises the signal again then
    with listening:
        uvicorn.Server(config).run(sockets=[listening])

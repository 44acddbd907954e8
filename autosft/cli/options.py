"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        "-p",
        help="A Python file, or a module, to load as a plugin beside the installed ones; may be given several times.",
    ),
]

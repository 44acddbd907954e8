"""Checkpoints: a file with its sha256 in front, replaced whole, loaded without running code."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from autosft.contracts.document import write_whole
from autosft.errors import BadWeights

MAGIC = b"autosft1"


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values in one step."""
    stream = io.BytesIO()
    torch.save(content, stream)
    payload = stream.getvalue()
    write_whole(path, MAGIC + hashlib.sha256(payload).digest() + payload)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, on the CPU; None if there is no such file.

    Raises:
        BadWeights: The file is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, payload = content[len(MAGIC) : len(MAGIC) + 32], content[len(MAGIC) + 32 :]
    if not content.startswith(MAGIC) or hashlib.sha256(payload).digest() != digest:
        raise BadWeights(f"{path}: the checkpoint is damaged (its sha256 differs). Delete it to start the trial anew.")
    return torch.load(io.BytesIO(payload), weights_only=True, map_location="cpu")

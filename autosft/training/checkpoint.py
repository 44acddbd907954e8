"""Checkpoints: a file with its sha256 in front, replaced whole, loaded without running code.

`Checkpoints` are those of one trial: `stage-N.pt` of each finished stage, `last.pt` of the one under way.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from pathlib import Path
from typing import IO, Any, cast, final

import torch

from autosft.contracts.document import whole_file
from autosft.errors import BadWeights

MAGIC = b"autosft1"


@final
class Checkpoints:
    """The checkpoints of one trial.

    One that is damaged counts as not there, and so does every later one, because it came of it. They are deleted only
    after a new one is written, so that a trial that is killed in between notes the damage again.

    Args:
        folder: Where the trial keeps its files.
        writes: Whether any are written here; of several processes that train a trial together the first does.

    Attributes:
        notes: What was damaged, one line each. Later checkpoints keep the notes.
    """

    def __init__(self, folder: Path, *, writes: bool = True) -> None:
        self._folder, self._last, self._writes = folder, folder / "last.pt", writes
        self._damaged: float = float("inf")
        self.notes: list[str] = []

    def finished(self, number: int, stage: str) -> dict[str, Any] | None:
        """What a finished stage left; None if it is not finished."""
        return self._sound(self._path(number), number, stage)

    def under_way(self, number: int, stage: str) -> dict[str, Any] | None:
        """Where a stage stood after its last epoch; None if it has not begun."""
        last = self._sound(self._last, number, stage)
        return last if last and last["number"] == number else None

    def save(self, number: int, content: dict[str, Any]) -> None:
        """Keep where a stage stands.

        Raises:
            CannotWrite: The disk is full, or the folder cannot be written.
        """
        if self._writes:
            save_checkpoint(self._last, {**content, "number": number, "notes": self.notes})
            self._forget(number)

    def finish(self, number: int, content: dict[str, Any]) -> None:
        """Keep what a finished stage left.

        Raises:
            CannotWrite: The disk is full, or the folder cannot be written.
        """
        if self._writes:
            save_checkpoint(self._path(number), {**content, "notes": self.notes})
            self._forget(number + 1)
            self._last.unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"stage-{number}.pt"

    def _sound(self, path: Path, number: int, stage: str) -> dict[str, Any] | None:
        if number >= self._damaged:
            return None
        try:
            content = load_checkpoint(path)
        except BadWeights as damage:
            self._damaged = number
            self.notes.append(f"stage {stage!r} is trained anew, because of a checkpoint: {damage}")
            return None
        if content:
            self.notes = content["notes"]
        return content

    def _forget(self, number: int) -> None:
        """Delete what a stage and those after it have left."""
        for path in map(self._path, itertools.count(number)):
            if not path.exists():
                return
            path.unlink()


class _Hashed(io.RawIOBase):
    """Passes on what is written, and knows its sha256; torch writes in one go, without seeking."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream, self._hash = stream, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._hash.update(data)
        return self._stream.write(data)

    def digest(self) -> bytes:
        return self._hash.digest()


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values in one step.

    Raises:
        CannotWrite: The disk is full, or the folder cannot be written.
    """
    with whole_file(path) as stream:
        stream.write(MAGIC + bytes(32))
        hashed = _Hashed(stream)
        torch.save(content, cast("IO[bytes]", hashed))
        stream.seek(len(MAGIC))
        stream.write(hashed.digest())


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, on the CPU; None if there is no such file.

    Raises:
        BadWeights: The file is damaged, or the disk cannot read it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadWeights(f"{path}: cannot be read ({error.strerror}).") from error
    digest, payload = content[len(MAGIC) : len(MAGIC) + 32], content[len(MAGIC) + 32 :]
    if not content.startswith(MAGIC) or hashlib.sha256(payload).digest() != digest:
        raise BadWeights(f"{path}: damaged (its sha256 differs).")
    return torch.load(io.BytesIO(payload), weights_only=True, map_location="cpu")

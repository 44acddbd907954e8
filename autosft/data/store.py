"""`FeatureStore`: encoded rows on disk, by content, for later searches on the same data.

A file per batch of rows, in a folder per encoder. A file's name is the sha256 of its content, so that damage is found
and a half-written file never has a right name; several processes may read and write at the same time. Where the limit
is passed, what was not used for longest goes first.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from autosft.contracts.document import is_draft, write_whole
from autosft.errors import BadInput, CannotWrite

FOLDER, LIMIT = "AUTOSFT_CACHE", "AUTOSFT_CACHE_GB"
"""Environment variables: where to keep what can be made again, and how many gigabytes of features."""

DEFAULT_GIGABYTES = 5.0

DRAFT_SECONDS = 3600.0
"""A file that was begun so long ago is written no more."""

Floats = npt.NDArray[np.float32]

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where this user keeps what can be made again."""
    from platformdirs import user_cache_path

    return Path(os.environ.get(FOLDER) or user_cache_path("autosft"))


@final
class FeatureStore:
    """Encoded rows by the digest of what they were made from.

    Args:
        folder: Where they lie.
        limit: The most bytes.
    """

    def __init__(self, folder: Path, limit: float) -> None:
        self._folder, self._limit = folder, limit

    @classmethod
    def shared(cls) -> Self:
        """The store of this user, shared by all runs.

        Raises:
            BadInput: The environment gives a limit that is no number.
        """
        said = os.environ.get(LIMIT) or DEFAULT_GIGABYTES
        try:
            return cls(cache_folder() / "features", 1e9 * float(said))
        except ValueError as error:
            raise BadInput(f"{LIMIT}={said} is no number of gigabytes. Write one, such as 5, or unset it.") from error

    def load(self, encoder: str, wanted: Container[str]) -> tuple[dict[str, Floats], float]:
        """Rows of an encoder by their digests, and the seconds that a row took; damaged files are deleted.

        Args:
            encoder: All that decides what a row's features are.
            wanted: The digests to look for.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        found: dict[str, Floats] = {}
        seconds = 0.0  # of all rows that were found
        for path in sorted(self._folder_of(encoder).glob("*.safetensors")):
            try:
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() != path.stem:
                    raise ValueError("its content does not match its name")
                arrays: dict[str, Any] = load(content)
                os.utime(path)
            except FileNotFoundError:
                continue  # another process has just made room
            except (OSError, ValueError, SafetensorError) as error:
                log.warning("%s: damaged and deleted (%s); its rows are encoded again", path, error)
                path.unlink(missing_ok=True)
                continue
            for digest, features in zip(arrays["digests"], arrays["features"], strict=True):
                if (name := digest.tobytes().hex()) in wanted:
                    seconds += float(arrays["seconds"][0]) if name not in found else 0.0
                    found[name] = features.copy()  # else it would hold on to the whole file
        return found, seconds / max(1, len(found))

    def add(self, encoder: str, digests: Sequence[str], features: Floats, seconds: float) -> None:
        """Keep rows. A store that cannot be written costs a warning, and nothing else.

        Args:
            encoder: As for `load`.
            digests: The sha256 of each row, as hexadecimal text.
            features: Shape (rows, width).
            seconds: What a row took.
        """
        from safetensors.numpy import save

        arrays: Mapping[str, Any] = {
            "digests": np.frombuffer(bytes.fromhex("".join(digests)), dtype=np.uint8).reshape(len(digests), -1),
            "features": np.ascontiguousarray(features, dtype=np.float32),
            "seconds": np.array([seconds]),
        }
        content = save(dict(arrays))
        try:
            write_whole(self._folder_of(encoder) / f"{hashlib.sha256(content).hexdigest()}.safetensors", content)
        except CannotWrite as error:
            log.warning("features are not kept for later searches: %s", error)
            return
        self._make_room()

    def _folder_of(self, encoder: str) -> Path:
        return self._folder / hashlib.sha256(encoder.encode()).hexdigest()[:32]

    def _make_room(self) -> None:
        """Delete what was not used for longest, until the limit is kept, and what killed processes have left half."""
        for path in self._folder.glob("*/*.tmp"):
            with suppress(FileNotFoundError):
                if is_draft(path) and time.time() - path.stat().st_mtime > DRAFT_SECONDS:
                    path.unlink()
        files: list[tuple[float, int, Path]] = []
        for path in self._folder.glob("*/*.safetensors"):
            with suppress(FileNotFoundError):
                stat = path.stat()
                files.append((stat.st_mtime, stat.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= size

"""`stamp_of`: has anything changed where the data lies? By names, sizes and times, without reading a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def stamp_of(path: Path) -> str:
    """The sha256 of the names, sizes and times of change of all files at a path; empty if there is nothing."""
    content = hashlib.sha256()
    found = False
    for name in _files(os.fspath(path)):
        try:
            status = os.stat(name)  # noqa: PTH116 - a Path per file would double the time of a large walk
        except OSError:
            continue
        found = True
        content.update(
            f"{os.path.relpath(name, path)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "replace")
        )
    return content.hexdigest() if found else ""


def _files(path: str) -> Iterator[str]:
    """A file, or all files below a folder, in order; folders that are links are not entered."""
    if not os.path.isdir(path):  # noqa: PTH112
        yield path
        return
    for folder, below, names in os.walk(path):
        below.sort()
        yield from (os.path.join(folder, name) for name in sorted(names))  # noqa: PTH118

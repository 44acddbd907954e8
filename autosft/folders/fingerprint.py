"""`path_fingerprint`: has anything changed where the data lies? By names, sizes and times, without reading a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from autosft.folders.files import hidden


def path_fingerprint(path: Path, apart: Path) -> str:
    """The sha256 of the names, sizes and times of change of the visible files at a path; empty if there is nothing.

    Args:
        path: A file or a folder; links to folders are not followed.
        apart: A folder that does not count, such as that of a run.
    """
    content, found = hashlib.sha256(), False
    for name in _files(os.fspath(path), os.fspath(apart)):
        try:
            status = os.stat(name)  # noqa: PTH116 - a Path per file would double the time of a large walk
        except OSError:
            continue
        found = True
        content.update(os.fsencode(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"))
    return content.hexdigest() if found else ""


def _files(path: str, apart: str) -> Iterator[str]:
    """A file, or all files below a folder, in order."""
    if not os.path.isdir(path):  # noqa: PTH112
        yield path
        return
    for folder, below, names in os.walk(path):
        visible = (name for name in below if not hidden(name) and os.path.join(folder, name) != apart)  # noqa: PTH118
        below[:] = sorted(visible)
        yield from (os.path.join(folder, name) for name in sorted(names) if not hidden(name))  # noqa: PTH118

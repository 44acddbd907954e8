"""A folder of files without labels, named by the user or lying beside a table. Knows no folder of classes."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from autosft.contracts.rows import Row, Scan, printable
from autosft.contracts.task import Hints
from autosft.errors import BadInput
from autosft.folders.files import FileKind, holds_any, spared, split_entries, walk
from autosft.folders.layout import UNLABELED
from autosft.folders.listing import unlabeled_rows


def named_folder(hints: Hints, data: Path, kind: FileKind) -> str:
    """The folder of unlabelled files that the user named, as an absolute path; empty if none was named.

    Raises:
        BadInput: It is no folder, has no file of the kind, or the labelled data lies in it.
    """
    if not hints.unlabeled:
        return ""
    folder = Path(os.path.abspath(hints.unlabeled))  # noqa: PTH100 - resolve() would replace a link's name by its target's
    where = f"--unlabeled {printable(hints.unlabeled)}"
    if not folder.is_dir():
        raise BadInput(f"{where}: there is no such folder.")
    if data.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"{where}: the labelled data lies in it; name a folder of unlabelled {kind.many} alone.")
    if not holds_any(str(folder), kind):
        raise BadInput(f"{where}: no {kind.many} in this folder or below it.")
    return str(folder)


def folder_beside(folder: Path, kind: FileKind) -> str:
    """The subfolder that its name says is unlabelled, if it has files of the kind; else empty."""
    try:
        named = [path for path in split_entries(str(folder))[0] if Path(path).name.lower() in UNLABELED]
    except OSError:  # it may be entered but not listed
        return ""
    return next((path for path in named if holds_any(path, kind)), "")


def with_unlabeled(scan: Scan, folder: str, kind: FileKind, known: Collection[str] = ()) -> Scan:
    """The scan with a row for each readable file below a folder.

    Args:
        scan: Rows that were found elsewhere.
        folder: Where the files lie; empty for none.
        kind: What files count.
        known: Paths that have a row already.
    """
    if not folder:
        return scan
    found = walk(folder, kind)
    rows, skipped = unlabeled_rows([Row(path, path) for path in found.files if path not in known], kind)
    return Scan(scan.rows, scan.unlabeled + rows, (*scan.skipped, *spared(found.skipped), *skipped))

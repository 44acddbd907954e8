"""Rows without targets that a user names beside the labelled data, whatever the modality."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autosft.archives.members import is_archive
from autosft.archives.unpacking import unpacked
from autosft.contracts.modality import Modality
from autosft.contracts.rows import Rows, Scan, printable
from autosft.contracts.task import Task
from autosft.errors import BadInput
from autosft.folders.files import spared


def existing(paths: Sequence[str | Path], data: Path | None) -> tuple[str, ...]:
    """The absolute paths of rows without targets.

    Args:
        paths: As the user wrote them.
        data: Where the labelled rows lie; None if they lie in no one place.

    Raises:
        BadInput: Nothing is there, or the labelled data lies in it.
    """
    for path in map(Path, paths):
        where = f"--unlabeled {printable(str(path))}"
        if not path.exists():
            raise BadInput(f"{where}: there is no such file or folder.")
        if data and data.resolve().is_relative_to(path.resolve()):
            raise BadInput(f"{where}: the labelled data lies in it; name what has no labels.")
    return tuple(os.path.abspath(path) for path in paths)  # noqa: PTH100 - resolve() would replace links by targets


def with_unlabeled(scan: Scan, modality: Modality, task: Task) -> Scan:
    """The scan, and a row for each sample in the files, folders, tables and archives that `Task.unlabeled` names.

    Args:
        scan: What the modality found in the labelled data.
        modality: Whose samples they are; it reads them as those that a predictor is asked about.
        task: The task.

    Raises:
        BadInput: Nothing is there, or nothing of the modality is in it.
    """
    if not task.unlabeled:
        return scan
    taken = {*scan.rows.id, *scan.unlabeled.id}
    for path in map(Path, task.unlabeled):
        found = modality.collect([unpacked(path) if is_archive(path) else path], task)
        if not len(found.rows):
            why = f" ({found.skipped[0].ref}: {found.skipped[0].reason})" if found.skipped else ""
            raise BadInput(f"{printable(str(path))}: no row without a label can be used{why}.")
        rows = Rows.of(replace(row, id=_another(row.id, taken)) for row in found.rows)
        scan = Scan(scan.rows, scan.unlabeled + rows, (*scan.skipped, *spared(found.skipped)))
    return scan


def _another(name: str, taken: set[str]) -> str:
    """The name, or with a number behind it one that no row has, which is taken now."""
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name} ({count})"
    taken.add(free)
    return free

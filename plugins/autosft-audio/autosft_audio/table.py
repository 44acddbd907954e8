"""Sounds named by a table: from a table to a claim, and to rows. Knows no folder of classes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autosft.contracts.rows import Fault, Rows, Scan, printable
from autosft.contracts.task import Claim, Hints, Task
from autosft.errors import BadInput, UnknownName
from autosft.folders.files import split_entries
from autosft.folders.listing import readable
from autosft.tables.reading import read_table
from autosft.tables.roles import words_of
from autosft.tables.rows import rows_of
from autosft.tables.table import Table
from autosft.tables.targets import TargetForm, propose_target
from autosft_audio.files import ENDINGS, SOUNDS

_LIMIT = 1000
"""Rows of each file by which a table is recognized."""

_SAMPLE = 50
"""Cells that are looked for on disk, in each folder where the files may lie."""

_LEAST_SHARE = 0.5
"""A column in which fewer cells name sounds is no column of paths."""

_KEYS = ("table", "path", "files", "target")


def claim_table(path: Path, hints: Hints) -> Claim | None:
    """Claim a table with a column of paths of sounds; None if it has none.

    Raises:
        BadInput: A hint names no column, or there is no target for the sounds.
    """
    table = read_table(path, limit=_LIMIT)
    column = _path_column(table, hints)
    if not column:
        return None
    form = propose_target(table, hints, exclude=[column])
    folder, found = _files_of(path, table.columns[column])
    task = Task(
        name=printable(path.resolve().name if path.is_dir() else path.stem) or "sounds",
        modality="audio",
        problems=(form.problem,),
        data={"table": str(path.absolute()), "path": column, "files": str(folder), "target": form.plain()},
        targets=form.columns if len(form.columns) == 1 else (form.columns,),
        **hints.roles,
    )
    idle = [name for name in table.columns if name not in (column, *form.columns, *hints.roles.values())]
    where = f"below {printable(str(folder))}" if found else "none of which is there"
    return Claim(
        task,
        confidence=0.97,
        why=f"{table.dialect}; paths of sounds in column {column!r}, {where}; {form.words}{words_of(hints.roles)}",
        unused=(*(f"column {name!r}" for name in idle), *table.unused),
    )


def scan_table(task: Task) -> Scan:
    """Rows whose sound can be decoded, and faults.

    Raises:
        BadInput: The task's data table is wrong, or its file is missing or has other columns.
    """
    path, column, folder, form = _data_of(task)
    table = read_table(path)
    if column not in table.columns:
        raise UnknownName("column", column, table.columns)
    refs = [str(folder / cell) if isinstance(cell, str) else "" for cell in table.columns[column]]
    scan = rows_of(table, form, refs, empty="no path of a sound", task=task)
    faults: list[Fault] = []
    rows, unlabeled = (_decoded(rows, faults) for rows in (scan.rows, scan.unlabeled))
    return Scan(rows, unlabeled, (*scan.faults, *faults))


def paths_in(path: Path, task: Task) -> list[str]:
    """The paths that a table names, for a predictor.

    Raises:
        BadInput: The table cannot be read, or lacks a column of paths.
    """
    table = read_table(path)
    column = str(task.data.get("path", "")) or _path_column(table, Hints())
    if column not in table.columns:
        raise UnknownName("column", column or "path", table.columns)
    folder, _ = _files_of(path, table.columns[column])
    return [str(folder / str(cell or "")) for cell in table.columns[column]]


def _decoded(rows: Rows, faults: list[Fault]) -> Rows:
    """The rows whose file can be decoded; the fault of another names its place in the table and its file."""
    unread: list[Fault] = []
    kept = Rows.of(readable(list(rows), SOUNDS, unread))
    left = set(rows.id) - set(kept.id)
    places = [row.id for row in rows if row.id in left]
    faults += [Fault(place, f"{fault.ref}: {fault.reason}") for place, fault in zip(places, unread, strict=True)]
    return kept


def _path_column(table: Table, hints: Hints) -> str:
    """The column that the user named, or the one in which most cells end as sounds do; empty if there is none."""
    for name in (*hints.inputs, *hints.targets, *hints.roles.values()):
        if name not in table.columns:
            raise UnknownName("column", name, table.columns)
    taken = {*hints.targets, *hints.roles.values()}
    named = hints.inputs or [name for name in table.columns if name not in taken]
    shares = {name: _share(table.columns[name]) for name in named}
    best = max(shares, key=lambda name: shares[name], default="")
    if not best or shares[best] < _LEAST_SHARE:
        return ""
    if len(hints.inputs) > 1:
        raise BadInput(f"A sound is one file: give one column of paths, not {', '.join(hints.inputs)}.")
    return best


def _share(cells: npt.NDArray[np.object_]) -> float:
    """The share of the cells that are there which end as names of sounds do."""
    there = [cell for cell in cells if cell is not None]
    ends = [cell for cell in there if isinstance(cell, str) and Path(cell).suffix.lower() in ENDINGS]
    return len(ends) / max(1, len(there))


def _files_of(path: Path, cells: npt.NDArray[np.object_]) -> tuple[Path, int]:
    """The folder that the paths of a table start from, and how many of a sample are there: the table's own, a folder
    beside the table, the one above, or one beside that."""
    own = Path(path if path.is_dir() else path.parent).absolute()
    sample = [str(cell) for cell in cells if cell is not None][:: max(1, len(cells) // _SAMPLE)]
    best = own, _there(own, sample)
    for folder in _nearby(own):
        if best[1] == len(sample):
            break
        if (count := _there(folder, sample)) > best[1]:
            best = folder, count
    return best


def _there(folder: Path, cells: Iterable[str]) -> int:
    """How many of these are files; a cell may hold what no name of a file can."""
    return sum(os.path.isfile(folder / cell) for cell in cells)  # noqa: PTH113 - Path raises at a name that is too long


def _nearby(own: Path) -> Iterable[Path]:
    for above in (own, own.parent):
        yield above
        try:
            yield from map(Path, split_entries(str(above))[0])
        except OSError:  # a folder that may be entered but not listed
            continue


def _data_of(task: Task) -> tuple[Path, str, Path, TargetForm]:
    """The table, its column of paths, where these start, and the target, checked."""
    where = f"the data table of task {task.name!r}"
    for key in task.data:
        if key not in _KEYS:
            raise UnknownName("key", key, _KEYS, f"(in {where})")
    table, column, folder = (task.data.get(key) for key in ("table", "path", "files"))
    for key, value in (("table", table), ("path", column)):
        if not isinstance(value, str) or not value:
            raise BadInput(f"{where}: it needs the key {key}, as text.")
    path = Path(str(table))
    own = path if path.is_dir() else path.parent
    form = TargetForm.parse(task.data.get("target"), f"target in {where}")
    return path, str(column), Path(str(folder)) if folder else own, form

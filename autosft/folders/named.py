"""Files named by a table: from a table to an inferred task, and to rows. For any `FileKind`; knows no folder of
classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy.typing as npt

from autosft.contracts.rows import Rows, Scan, SkippedSample, printable
from autosft.contracts.task import Hints, InferredTask, Task
from autosft.errors import BadInput, UnknownName
from autosft.folders.files import FileKind, ending_of, holds_any, spared
from autosft.folders.listing import readable
from autosft.folders.paths import Finder, Start
from autosft.tables.columns import profile
from autosft.tables.folder import lay_out, unlabeled_beside
from autosft.tables.reading import glance, read_table
from autosft.tables.roles import words_of
from autosft.tables.rows import rows_of
from autosft.tables.table import Table
from autosft.tables.targets import TargetForm, forms_in, plain_of, propose_targets

_LIMIT = 1000
"""Rows of each file by which it is told whether a table names files at all."""

_SAMPLE = 50
"""Cells of each split that are looked for on disk."""

_LOOKED_AT = 200
"""Cells whose endings are looked at."""

_GLANCE, _MOST_ASKED = 8, 100
"""So many cells, and so many columns, where no ending says that cells name files: tables of numbers are wide."""

_LEAST_FRACTION = 0.5
"""A column in which fewer cells name files is no column of paths."""

_LONGEST_NAME = 64
"""Cells without an ending that are longer on average are no names."""

_KEYS = ("table", "path", "files", "drop", "target")


def recognize_table(path: Path, kind: FileKind, modality: str, hints: Hints) -> InferredTask | None:
    """Recognize a table with a column of paths of files; None if it has none.

    Args:
        path: The table, or a folder of tables.
        kind: What files count.
        modality: The name of the modality that recognizes it.
        hints: What the user said of the data.

    Raises:
        BadInput: A hint names no column, no file that the column names is there, or there is no target.
    """
    first = read_table(path, limit=_LIMIT)
    if not _path_column(path, first, kind, hints)[0]:
        return None
    table = glance(path, first)
    column, start, fraction = _path_column(path, table, kind, hints)
    if not column:  # the first rows named files, most of the others do not
        return None
    if not fraction:
        raise BadInput(_none_there(path, table, column, kind))
    forms = propose_targets(table, hints, exclude=[column])
    folders = {split: str(folder) for split, folder in start.folders.items()}
    one = len(set(folders.values())) == 1
    unlabeled = [str(one.absolute()) for one in unlabeled_beside(path) if not one.is_dir() or holds_any(str(one), kind)]
    task = Task(
        name=printable(path.resolve().name if path.is_dir() else path.stem) or kind.many,
        modality=modality,
        targets=tuple(form.target for form in forms),
        data={
            "table": str(path.absolute()),
            "path": column,
            "files": next(iter(folders.values())) if one else folders,
            **({"drop": start.drop} if start.drop else {}),
            "target": plain_of(forms),
        },
        unlabeled=tuple(unlabeled),
        **hints.roles,
    )
    where = " and ".join(sorted({printable(folder) for folder in folders.values()}))
    asked = " and ".join(form.words for form in forms)
    more = words_of(hints.roles) + "".join(f"; unlabelled {kind.many} in {printable(one)}" for one in unlabeled)
    used = {column, *hints.roles.values()}.union(*(form.columns for form in forms))
    idle = [name for name in table.columns if name not in used]
    return InferredTask(
        task,
        confidence=0.97,
        why=f"{table.dialect}; paths of {kind.many} in column {column!r}, below {where}; {asked}{more}",
        unused=(*(f"column {name!r}" for name in idle), *table.unused),
    )


def scan_table(task: Task, kind: FileKind) -> Scan:
    """Rows whose file can be decoded, and skipped samples.

    Raises:
        BadInput: The task's data table is wrong, or its file is missing or has other columns.
    """
    path, column, start, forms = _data_of(task)
    table = read_table(path)
    if column not in table.columns:
        raise UnknownName("column", column, table.columns)
    refs = _paths(table, column, start, Finder(kind))
    scan = rows_of(table, forms, refs, empty=f"no path of {kind.one}", task=task)
    skipped: list[SkippedSample] = []
    rows = _decoded(scan.rows, kind, skipped)
    without = _decoded(scan.unlabeled, kind, unread := list[SkippedSample]())
    return Scan(rows, without, (*scan.skipped, *skipped, *spared(unread)))


def paths_in(path: Path, task: Task, kind: FileKind) -> list[str]:
    """The paths that a table names, for a predictor.

    Raises:
        BadInput: The table cannot be read, or lacks a column of paths.
    """
    table = read_table(path)
    column = str(task.data.get("path", ""))
    if column:
        if column not in table.columns:
            raise UnknownName("column", column, table.columns)
        start, _ = Finder(kind).start(_sampled(table, column), _homes(path, table))
    else:
        column, start, _ = _path_column(path, table, kind, Hints())
        if not column:
            raise BadInput(f"{printable(path)}: no column names {kind.many}.")
    return _paths(table, column, start, Finder(kind))


def _decoded(rows: Rows, kind: FileKind, skipped: list[SkippedSample]) -> Rows:
    """The rows whose file can be decoded; the skipped sample of another names its place in the table and its file."""
    unread: list[SkippedSample] = []
    kept = Rows.of(readable(list(rows), kind, unread))
    left = set(rows.id) - set(kept.id)
    places = [row.id for row in rows if row.id in left]
    skipped += [SkippedSample(place, f"{skip.ref}: {skip.reason}") for place, skip in zip(places, unread, strict=True)]
    return kept


def _paths(table: Table, column: str, start: Start, finder: Finder) -> list[str]:
    """What each row refers to; empty where its cell names nothing."""
    usual = next(iter(start.folders.values()))
    pairs = zip(table.columns[column], table.splits, strict=True)
    return [finder.path_of(cell, start.folders.get(split, usual), start.drop) for cell, split in pairs]


def _path_column(path: Path, table: Table, kind: FileKind, hints: Hints) -> tuple[str, Start, float]:
    """The column of paths, where they start, and the fraction of a sample that is there; an empty name if there is
    none.

    Where cells end as files of the kind do, it is a column of paths even if nothing is there; names without an ending
    must be there.
    """
    for name in (*hints.inputs, *hints.targets, *hints.roles.values()):
        if name not in table.columns:
            raise UnknownName("column", name, table.columns)
    taken = {*hints.targets, *hints.roles.values()}
    asked = hints.inputs or [name for name in table.columns if name not in taken]
    ended = [name for name in asked if _fraction(table.columns[name], kind.endings) >= _LEAST_FRACTION]
    if ended and len(hints.inputs) > 1:
        raise BadInput(f"{kind.one.capitalize()} is one file: give one column of paths, not {', '.join(hints.inputs)}.")
    finder, homes = Finder(kind), _homes(path, table)
    found: dict[str, tuple[Start, float]] = {}
    count = _SAMPLE if ended else _GLANCE
    for name in ended or [name for name in asked[:_MOST_ASKED] if _could_be_names(table.columns[name])]:
        found[name] = finder.start(_sampled(table, name, count), homes)
    best = max(found, key=lambda name: found[name][1], default="")
    if not best or (not ended and found[best][1] < _LEAST_FRACTION):
        return "", Start(homes), 0.0
    return best, *found[best]


def _fraction(cells: npt.NDArray[Any], endings: Collection[str]) -> float:
    """The fraction of some cells that are there which end as names of files of the kind do."""
    there = [cell for cell in cells[:: max(1, len(cells) // _LOOKED_AT)] if cell is not None]
    ends = [cell for cell in there if isinstance(cell, str) and ending_of(cell.strip()) in endings]
    return len(ends) / max(1, len(there))


def _could_be_names(cells: npt.NDArray[Any]) -> bool:
    """Whether cells may be names of files without endings: short, mostly different, and no broken numbers."""
    seen = profile(cells)
    texts = [cell for cell in cells if isinstance(cell, str)]
    short = sum(map(len, texts)) <= _LONGEST_NAME * len(texts)
    fit = seen.kind == "text" or (seen.kind == "number" and seen.whole)
    return fit and short and 2 * seen.distinct > seen.filled


def _homes(path: Path, table: Table) -> dict[str, Path]:
    """The folder of the table of each split."""
    own = (path if path.is_dir() else path.parent).absolute()
    homes = dict.fromkeys(sorted(set(table.splits)), own)
    if path.is_dir():
        homes |= {split: file.absolute().parent for split, file in lay_out(path).files if split in homes}
    return homes


def _sampled(table: Table, column: str, count: int = _SAMPLE) -> dict[str, Sequence[Any]]:
    """Some cells of each split, evenly spread."""
    sampled: dict[str, Sequence[Any]] = {}
    for split in sorted(set(table.splits)):
        cells = [cell for cell in table.columns[column][table.splits == split] if cell is not None]
        sampled[split] = cells[:: max(1, len(cells) // count)]
    return sampled


def _none_there(path: Path, table: Table, column: str, kind: FileKind) -> str:
    first = next(str(cell) for cell in table.columns[column] if cell is not None)
    text = f"{printable(path)}: none of the {kind.many} that column {column!r} names is there, such as {first[:200]!r}"
    if "://" in first:
        return f"{text}. Addresses are not fetched: download the files, and name them by path."
    own = path if path.is_dir() else path.parent
    return f"{text}. They are looked for in {printable(own.absolute())}, in folders near it, and by absolute path."


def _data_of(task: Task) -> tuple[Path, str, Start, tuple[TargetForm, ...]]:
    """The table, its column of paths, where these start, and the targets, checked."""
    where = f"the data table of task {task.name!r}"
    for key in task.data:
        if key not in _KEYS:
            raise UnknownName("key", key, _KEYS, f"(in {where})")
    table, column, files, drop = (task.data.get(key) for key in ("table", "path", "files", "drop"))
    for key, value in (("table", table), ("path", column)):
        if not isinstance(value, str) or not value:
            raise BadInput(f"{where}: it needs the key {key}, as text.")
    if not isinstance(files, (str, Mapping, type(None))):
        raise BadInput(f"{where}: files is a folder, or a folder for each split.")
    if not isinstance(drop or 0, int):
        raise BadInput(f"{where}: drop is a whole number.")
    path = Path(str(table))
    own = path if path.is_dir() else path.parent
    given = cast("Mapping[str, str]", files) if isinstance(files, Mapping) else {"": files or own}
    start = Start({split: Path(folder) for split, folder in given.items()}, drop or 0)
    return path, str(column), start, forms_in(task, where)

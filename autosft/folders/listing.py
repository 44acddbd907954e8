"""Rows from files: of a folder by class, and of what a user hands to a predictor. Every file is inspected once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autosft.contracts.rows import Row, Rows, Scan, SkippedSample, printable
from autosft.contracts.task import Task
from autosft.data.cores import usable_cores
from autosft.errors import BadInput, UnknownName, Unreadable
from autosft.folders.files import FileKind, spared, walk
from autosft.folders.layout import LAYOUTS, require_classes, survey

Named = Callable[[Path], Iterable[str] | None]
"""From a file to the paths that it names, such as those in a table, or None if it is a sample itself."""

_KEYS = ("folder", "layout")

_CHUNK = 4096
"""Files handed to the threads at once, so that a million rows need no million futures."""


def scan_folder(task: Task, kind: FileKind) -> Scan:
    """The readable files of a task's folder, with and without classes; the rest as skipped samples.

    Args:
        task: As `recognize_folder` proposed it.
        kind: What files count, and how one is inspected.

    Raises:
        BadInput: The task's data table is wrong, or the files do not make classes.
    """
    folder, layout = _data_of(task)
    found = survey(folder, kind, layout, task.unlabeled)
    require_classes(found, folder)
    skipped = list(found.skipped)
    labeled = [
        Row(_relative(path, folder), path, (name,), split)
        for split, classes in found.files.items()
        for name, paths in classes.items()
        for path in paths
    ]
    rows = Rows.of(readable(labeled, kind, skipped))
    unlabeled, more = unlabeled_rows([Row(_relative(path, folder), path) for path in found.unlabeled], kind)
    return Scan(rows, unlabeled, (*skipped, *more))


def rows_of_inputs(
    inputs: Sequence[Any],
    kind: FileKind,
    *,
    take: Callable[[Any], Any | None],
    wanted: str,
    named: Named | None = None,
) -> Scan:
    """Rows for paths, folders and what else a modality takes, in the order given.

    Args:
        inputs: What the user gave.
        kind: What files count, in folders.
        take: From an input that is no path to what a row refers to, or None if it is not known.
        wanted: What may be given, in words.
        named: What a file names; a named path that is missing is a skipped sample.

    Raises:
        BadInput: A path is missing, a folder has no file of the kind, or an input is of another type.
    """
    rows: list[Row] = []
    skipped: list[SkippedSample] = []
    for number, given in enumerate(inputs):
        if isinstance(given, (str, Path)):
            rows += [Row(path, path) for path in _paths(Path(given), kind, skipped, named)]
        elif (ref := take(given)) is not None:
            rows.append(Row(f"input-{number}", ref))
        else:
            raise BadInput(f"Input {number} is {_kind_of(given)}; give {wanted}.")
    taken: dict[str, Row] = {}
    for row in readable(rows, kind, skipped):
        name, copies = row.id, 1
        while name in taken:  # the same file, given twice
            copies += 1
            name = f"{row.id} ({copies})"
        taken[name] = replace(row, id=name)
    return Scan(Rows.of(taken.values()), skipped=tuple(skipped))


def readable(rows: Sequence[Row], kind: FileKind, skipped: list[SkippedSample]) -> Iterator[Row]:
    """The rows whose file can be decoded, each with what it refers to; the others are added to the skipped samples.

    Args:
        rows: Rows that refer to a path, as text; what refers to something else passes.
        kind: How to inspect a file. Decoders leave Python's lock, so that several threads do it.
        skipped: What could not be used so far.
    """
    for row, found in zip(rows, _inspected([row.ref for row in rows], kind), strict=True):
        if isinstance(found, SkippedSample):
            skipped.append(found)
        else:
            yield replace(row, ref=found)


def unlabeled_rows(rows: Sequence[Row], kind: FileKind) -> tuple[Rows, list[SkippedSample]]:
    """The rows without labels whose file can be decoded, and what became of the others."""
    skipped: list[SkippedSample] = []
    return Rows.of(readable(rows, kind, skipped)), spared(skipped)


def _inspected(refs: Sequence[Any], kind: FileKind) -> Iterator[Any]:
    """For each reference, in order, what a row refers to, or a skipped sample."""

    def inspect(ref: Any) -> Any:
        if not isinstance(ref, str):
            return ref
        if ref != printable(ref):
            return SkippedSample(printable(ref), "its name is not UTF-8; rename it")
        try:
            return kind.inspect(ref)
        except Unreadable as error:
            return SkippedSample(ref, str(error))

    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(refs), _CHUNK):
            yield from pool.map(inspect, refs[start : start + _CHUNK])


def _data_of(task: Task) -> tuple[str, str]:
    """The folder and its layout, of a task's data table, checked."""
    where = f"(in the data table of task {task.name!r})"
    for key in task.data:
        if key not in _KEYS:
            raise UnknownName("key", key, _KEYS, where)
    folder, layout = (task.data.get(key, "") for key in _KEYS)
    if not isinstance(folder, str) or not folder:
        raise BadInput(f"Task {task.name!r}: its data table needs the key folder, the path of the data.")
    if layout not in ("", *LAYOUTS):
        raise UnknownName("layout", str(layout), LAYOUTS, where)
    if not Path(folder).is_dir():
        raise BadInput(f"{printable(folder)}: there is no such folder (task {task.name!r}).")
    return os.path.abspath(folder), layout  # noqa: PTH100


def _paths(path: Path, kind: FileKind, skipped: list[SkippedSample], named: Named | None) -> Iterable[str]:
    """The file itself, what it names, or all files of the kind below the folder."""
    if not os.path.exists(path):  # noqa: PTH110 - Path raises at a name that is too long
        raise BadInput(f"{printable(str(path))}: there is no such file or folder.")
    if not path.is_dir():
        listed = named(path) if named else None
        return [str(path)] if listed is None else listed
    found = walk(str(path), kind)
    skipped += found.skipped
    if not found.files:
        raise BadInput(f"{printable(str(path))}: no {kind.many} in this folder or below it.")
    return found.files


def _kind_of(given: Any) -> str:
    if isinstance(given, np.ndarray):
        return f"a {given.dtype} array of shape {given.shape}"
    return f"of type {type(given).__name__}"


def _relative(path: str, folder: str) -> str:
    place = Path(path)
    return place.relative_to(folder).as_posix() if place.is_relative_to(folder) else path

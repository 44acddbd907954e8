"""Rows from files: of a surveyed folder, and of what a user hands to a predictor. Every file is decoded once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from autosft.contracts.rows import Fault, Row, Rows, Scan
from autosft.errors import BadInput, Unreadable
from autosft_image.files import printable, walk
from autosft_image.layout import Survey
from autosft_image.reading import check

_CHUNK = 4096
"""Files handed to the threads at once, so that a million rows need no million futures."""


def rows_of(found: Survey, folder: str) -> Scan:
    """The readable images of a survey, with and without classes; the rest as faults."""
    faults = list(found.faults)
    labeled = [
        Row(_relative(path, folder), path, (name,), split)
        for split, classes in found.images.items()
        for name, paths in classes.items()
        for path in paths
    ]
    unlabeled = [Row(_relative(path, folder), path) for path in found.unlabeled]
    rows = Rows.of(_readable(labeled, faults))
    return Scan(rows, Rows.of(_readable(unlabeled, faults)), tuple(faults))


def rows_of_inputs(inputs: Sequence[Any]) -> Scan:
    """Rows for paths, folders, Pillow images and arrays, in the order given.

    Raises:
        BadInput: A path is missing, a folder has no image, or an input is of another type.
    """
    rows: list[Row] = []
    faults: list[Fault] = []
    for number, given in enumerate(inputs):
        if isinstance(given, (str, Path)):
            rows += [Row(path, path) for path in _paths(Path(given), faults)]
        elif _is_image(given):
            rows.append(Row(f"input-{number}", given))
        else:
            wanted = "a path, a Pillow image or a uint8 array of shape (height, width, 3)"
            raise BadInput(f"Input {number} is {_kind_of(given)}; give {wanted}.")
    taken: dict[str, Row] = {}
    for row in _readable(rows, faults):
        name, copies = row.id, 1
        while name in taken:  # the same file, given twice
            copies += 1
            name = f"{row.id} ({copies})"
        taken[name] = Row(name, row.ref)
    return Scan(Rows.of(taken.values()), faults=tuple(faults))


def _readable(rows: Sequence[Row], faults: list[Fault]) -> Iterator[Row]:
    """The rows that can be decoded; the others are added to the faults."""
    for row, reason in zip(rows, _reasons([row.ref for row in rows]), strict=True):
        if reason:
            faults.append(Fault(printable(row.ref), reason))
        else:
            yield row


def _reasons(refs: Sequence[Any]) -> Iterator[str]:
    """For each reference, in order, why it cannot be decoded; empty if it can. Decoding leaves Python's lock."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(refs), _CHUNK):
            yield from pool.map(_reason, refs[start : start + _CHUNK])


def _reason(ref: Any) -> str:
    if not isinstance(ref, str):
        return ""
    if ref != printable(ref):
        return "its name is not UTF-8; rename it"
    try:
        check(ref)
    except Unreadable as error:
        return str(error)
    return ""


def _paths(path: Path, faults: list[Fault]) -> Iterable[str]:
    """The file itself, or all images below the folder."""
    if not path.exists():
        raise BadInput(f"{printable(str(path))}: there is no such file or folder.")
    if not path.is_dir():
        return [str(path)]
    found = walk(str(path))
    faults += found.faults
    if not found.images:
        raise BadInput(f"{printable(str(path))}: no images in this folder or below it.")
    return found.images


def _is_image(given: Any) -> bool:
    from PIL import Image

    if isinstance(given, np.ndarray):
        return given.dtype == np.uint8 and given.ndim == 3 and given.shape[2] == 3 and given.size > 0
    return isinstance(given, Image.Image)


def _kind_of(given: Any) -> str:
    if isinstance(given, np.ndarray):
        return f"a {given.dtype} array of shape {given.shape}"
    return f"of type {type(given).__name__}"


def _relative(path: str, folder: str) -> str:
    return Path(path).relative_to(folder).as_posix()

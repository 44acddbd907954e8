"""Folders of tables, and split columns: which rows train, validate and test, by the data's own word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autosft.errors import BadInput
from autosft.tables.formats.kinds import format_of
from autosft.tables.table import Table, as_column

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}

_SPLIT_COLUMNS = frozenset({"split", "splits", "subset", "fold", "partition", "set", "datasplit", "dataset", "usage"})


@dataclass(frozen=True)
class Layout:
    """The tables of a folder.

    Attributes:
        files: Split and path of each, training files first.
        unused: Names of the tables that are left out.
    """

    files: tuple[tuple[str, Path], ...]
    unused: tuple[str, ...]


def is_table_folder(folder: Path) -> bool:
    """Whether a folder holds a table; texts without a split's name do not count, as they may be the samples."""
    return bool(_tables(folder))


def lay_out(folder: Path) -> Layout:
    """Say which of a folder's tables are what.

    Raises:
        BadInput: There is no table, or which one is meant cannot be told.
    """
    found = _tables(folder)
    if not found:
        raise BadInput(f"{folder}: no table in this folder (CSV, TSV, JSON Lines, Parquet).")
    named = [(split, path) for path in found if (split := split_of(path.stem))]
    if not named:
        if len(found) > 1:
            listing = ", ".join(path.name for path in found[:8]) + (" …" if len(found) > 8 else "")
            raise BadInput(f"{folder}: {len(found)} tables ({listing}); name one of them, or call them train and test.")
        return Layout((("", found[0]),), ())
    formats = {path.suffix.lower() for split, path in named if split == "train"} or {
        path.suffix.lower() for _, path in named
    }
    if len(formats) > 1:
        raise BadInput(f"{folder}: tables in several formats ({', '.join(sorted(formats))}); keep one of them.")
    same = [(split, path) for split, path in named if path.suffix.lower() in formats]
    chosen = [pair for split in ("train", "valid", "test") for pair in _of_split(split, same)]
    kept = {path for _, path in chosen}
    return Layout(tuple(chosen), tuple(path.name for path in found if path not in kept))


def split_of(stem: str) -> str:
    """The split that a file's name speaks of; empty if none, or several."""
    words = {SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", stem.lower()) if word in SPLIT_WORDS}
    return words.pop() if len(words) == 1 else ""


def join(layout: Layout, parts: Sequence[Table]) -> Table:
    """The tables of a folder as one, with the columns of the first.

    Raises:
        BadInput: A table has no column of the first.
    """
    first = parts[0]
    names = list(first.columns)
    unused = list(layout.unused)
    for (_, path), part in zip(layout.files, parts, strict=True):
        if not set(names) & set(part.columns):
            listing = ", ".join(list(part.columns)[:8])
            raise BadInput(
                f"{path}: its columns ({listing}) are not those of {layout.files[0][1].name} ({', '.join(names[:8])})."
            )
        unused += [f"column {name!r} of {path.name}" for name in part.columns if name not in names]
        lacking = [name for name in names if name not in part.columns]
        unused += [f"{path.name} lacks the column {name!r}" for name in lacking]
    columns = {
        name: np.concatenate([part.columns.get(name, as_column([None] * len(part))) for part in parts])
        for name in names
    }
    words = first.dialect
    others = [f"{path.name}: {part.dialect}" for (_, path), part in zip(layout.files, parts, strict=True)]
    if any(part.dialect != words for part in parts):
        words = "; ".join(others)
    return Table(
        columns=columns,
        places=np.concatenate([part.places for part in parts]),
        splits=as_column(
            [split for (split, _), part in zip(layout.files, parts, strict=True) for _ in range(len(part))]
        ),
        faults=tuple(fault for part in parts for fault in part.faults),
        dialect=words,
        unused=tuple(unused),
        complete=all(part.complete for part in parts),
    )


def take_split_column(table: Table) -> Table:
    """The table without the column that names each row's split, if it has one and its files do not say."""
    if any(table.splits):
        return table
    for name, cells in table.columns.items():
        if re.sub(r"[^a-z]", "", name.lower()) not in _SPLIT_COLUMNS:
            continue
        words = [str(cell).strip().lower() for cell in cells]
        if "train" in {SPLIT_WORDS.get(word) for word in words} and all(word in SPLIT_WORDS for word in words):
            return replace(
                table,
                columns={other: column for other, column in table.columns.items() if other != name},
                splits=as_column([SPLIT_WORDS[word] for word in words]),
                dialect=f"{table.dialect}, split by column {name!r}",
            )
    return table


def _tables(folder: Path) -> list[Path]:
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "~$")) and path.is_file())
    return [path for path in visible if format_of(path) and (path.suffix.lower() != ".txt" or split_of(path.stem))]


def _of_split(split: str, named: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """The files of a split: the one that is called so alone, or all parts of it."""
    files = [pair for pair in named if pair[0] == split]
    return [pair for pair in files if pair[1].stem.lower() in SPLIT_WORDS] or files

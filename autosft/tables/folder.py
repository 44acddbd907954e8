"""Folders of tables, and split columns: which rows train, validate and test, by the data's own word."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autosft.contracts.rows import SPLITS, printable
from autosft.errors import BadInput
from autosft.tables.formats.kinds import SUFFIXES, format_of
from autosft.tables.table import Table, as_column

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "eval": "valid",
    "evaluation": "valid",
    "test": "test",
    "testing": "test",
    "holdout": "test",
}

UNLABELED = frozenset({"unlabelled", "unlabeled"})
"""Names of folders and tables of rows without targets, in lower case."""

_SPLIT_COLUMNS = frozenset({"split", "splits", "subset", "fold", "partition", "set", "datasplit", "dataset", "usage"})


@dataclass(frozen=True)
class Layout:
    """The tables of a folder.

    Attributes:
        folder: Where they lie, or where the folders of the splits lie that have a table each.
        files: Split and path of each, training files first.
        unused: Names of the tables that are left out.
    """

    folder: Path
    files: tuple[tuple[str, Path], ...]
    unused: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """What to call each of the files."""
        return [printable(path.relative_to(self.folder)) for _, path in self.files]


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
        raise BadInput(f"{printable(folder)}: no table in this folder (CSV, TSV, JSON Lines, Parquet).")
    splits: dict[str, list[Path]] = {}
    for path in found:
        splits.setdefault(split_of(path.stem if path.parent == folder else path.parent.name), []).append(path)
    if "train" not in splits and "" in splits:
        if len(splits[""]) > 1:
            listing = ", ".join(path.name for path in splits[""][:8]) + (" …" if len(splits[""]) > 8 else "")
            raise BadInput(f"{printable(folder)}: several tables ({listing}); name one, or call them train and test.")
        if len(found) == 1:
            return Layout(folder, (("", found[0]),), ())
        splits["train"] = splits[""]  # as reviews.csv beside reviews_test.csv
    formats = {path.suffix.lower() for path in splits.get("train", found)}
    if len(formats) > 1:
        listing = ", ".join(sorted(formats))
        raise BadInput(f"{printable(folder)}: tables in several formats ({listing}); keep those of one.")
    files = [
        (split, path) for split in SPLITS for path in _parts(splits.get(split, [])) if path.suffix.lower() in formats
    ]
    used = {path for _, path in files}
    return Layout(folder, tuple(files), tuple(path.name for path in found if path not in used))


def unlabeled_beside(table: Path) -> list[Path]:
    """The folders and tables of rows without targets that lie beside a table, or in a folder of tables; by name.

    Args:
        table: A file, or a folder of files.
    """
    folder = table if table.is_dir() else table.parent
    try:
        named = sorted(path for path in folder.iterdir() if path.stem.lower() in UNLABELED and path != table)
    except OSError:  # it may be entered but not listed
        return []
    return [path for path in named if path.is_dir() or format_of(path)]


def split_of(stem: str) -> str:
    """The split that a file's name speaks of; empty if none, or several."""
    words = {SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", stem.lower()) if word in SPLIT_WORDS}
    return words.pop() if len(words) == 1 else ""


def _split_named(word: str) -> str:
    """The split of a word such as `test`, `test_ood` or `testB`; empty if it names none."""
    return split_of(word) or next((split for split in SPLITS if word.startswith(split)), "")


def join(layout: Layout, parts: Sequence[Table]) -> Table:
    """The tables of a folder as one, with the columns of the first.

    Raises:
        BadInput: A table has no column of the first.
    """
    first, names = parts[0], list(parts[0].columns)
    files = layout.names
    unused = list(layout.unused)
    for file, part in zip(files, parts, strict=True):
        if not set(names) & set(part.columns):
            theirs, ours = (", ".join(columns[:8]) for columns in (list(part.columns), names))
            raise BadInput(f"{file}: its columns ({theirs}) are not those of {files[0]} ({ours}).")
        unused += [f"column {name!r} of {file}" for name in part.columns if name not in names]
    alike = all(part.dialect == first.dialect for part in parts)
    words = [first.dialect] if alike else [f"{file}: {part.dialect}" for file, part in zip(files, parts, strict=True)]
    for file, part in zip(files, parts, strict=True):
        words += [f"{file} has no column {name!r}" for name in names if name not in part.columns]
    empty = {id(part): as_column([None] * len(part)) for part in parts}
    splits = [as_column([split] * len(part)) for (split, _), part in zip(layout.files, parts, strict=True)]
    return Table(
        columns={name: np.concatenate([part.columns.get(name, empty[id(part)]) for part in parts]) for name in names},
        places=as_column(
            [_within(file, place) for file, part in zip(files, parts, strict=True) for place in part.places]
        ),
        splits=np.concatenate(splits),
        skipped=tuple(
            replace(skip, ref=_within(file, skip.ref))
            for file, part in zip(files, parts, strict=True)
            for skip in part.skipped
        ),
        dialect="; ".join(words),
        unused=tuple(unused),
        complete=all(part.complete for part in parts),
    )


def _within(file: str, place: str) -> str:
    """A place in a file, with the folder that the file lies in."""
    return f"{file.rpartition('/')[0]}/{place}" if "/" in file else place


def take_split_column(table: Table) -> Table:
    """The table without the column that names each row's split, if it has one and its files do not say. Rows of another
    word, such as `"extra"` beside train and test, are learned from."""
    if any(table.splits):
        return table
    for name, cells in table.columns.items():
        if re.sub(r"[^a-z]", "", name.lower()) not in _SPLIT_COLUMNS:
            continue
        words = ["" if cell is None else str(cell).strip().lower() for cell in cells]
        splits = {word: _split_named(word) for word in set(words) - {""}}
        others = sorted(word for word, split in splits.items() if not split)
        known = set(splits.values()) - {""}
        if "train" in known and (not others or len(known) > 1):
            more = f" ({', '.join(map(repr, others[:8]))} to learn from)" if others else ""
            return replace(
                table,
                columns={other: column for other, column in table.columns.items() if other != name},
                splits=as_column([splits.get(word, "") or ("train" if word else "") for word in words]),
                dialect=f"{table.dialect}, split by column {name!r}{more}",
            )
    return table


def _tables(folder: Path) -> list[Path]:
    """The tables of a folder, sorted; where it has none, those of folders named for splits that have one each."""
    names = _names_in(folder)
    if found := _tables_among(folder, names):
        return found
    splits = [folder / name for name in names if name.lower() in SPLIT_WORDS and (folder / name).is_dir()]
    below = [_tables_among(path, _names_in(path)) for path in splits]
    single = [found[0] for found in below if len(found) == 1]
    trained = any(SPLIT_WORDS[path.parent.name.lower()] == "train" for path in single)
    return single if trained and not any(len(found) > 1 for found in below) else []


def _names_in(folder: Path) -> list[str]:
    """What lies in a folder, sorted, without hidden files and what Excel writes beside an open workbook."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not entry.name.startswith((".", "~$")))


def _tables_among(folder: Path, names: Sequence[str]) -> list[Path]:
    """Those of a folder's files that are tables.

    Texts and JSON files are often single samples: those must be named for a split, or a JSON file be the only one.
    """
    paths = [folder / name for name in names if f".{name.rpartition('.')[2].lower()}" in SUFFIXES]
    paths = [path for path in paths if path.stem.lower() not in UNLABELED]
    doubtful = [path for path in paths if path.suffix.lower() in (".txt", ".json") and not split_of(path.stem)]
    sure = [path for path in paths if path not in set(doubtful)]
    if not sure and [path.suffix.lower() for path in doubtful] == [".json"]:
        sure = doubtful
    return [path for path in sure if format_of(path)]


def _parts(files: list[Path]) -> list[Path]:
    """The files of a split: the one that has just its name, or all parts of it."""
    return [path for path in files if path.stem.lower() in SPLIT_WORDS] or files

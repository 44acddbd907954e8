"""`Table`: what a file or a folder of tables held. Knows no format, and no role of any column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autosft.contracts.rows import SkippedSample

MOST_COLUMNS = 10_000
"""A table with more is refused: no modality reads so many, and such a header is mostly a table laid on its side."""


@dataclass(frozen=True)
class Table:
    """Rows in columns, with their cells as written.

    Attributes:
        columns: Cells by column, in the order of the file. None is a missing cell: an empty one, a null of JSON or
            Parquet, NaN, or a column that the row's file lacks. Text formats hold str; JSON and Parquet keep numbers
            and truth values, and lists as tuples.
        places: Where each row stands, such as `"train.csv:17"`: the file's name, and the line on which the row begins;
            in a JSON array and in Parquet the number of the row, counted from 1.
        splits: `"train"`, `"valid"` or `"test"` by the name of the row's file or by a split column; else empty.
        skipped: Rows that cannot be used, each with its place and reason; they are not among the rows above.
        dialect: What was recognized, in words for the user: `"CSV, separator ';', cp1252, no header"`.
        unused: Files of the folder, and columns, that were left out.
        complete: Whether all rows were read; False if a limit cut some off.
    """

    columns: Mapping[str, npt.NDArray[np.object_]]
    places: npt.NDArray[np.object_]
    splits: npt.NDArray[np.object_]
    skipped: tuple[SkippedSample, ...]
    dialect: str
    unused: tuple[str, ...] = ()
    complete: bool = True

    def __len__(self) -> int:
        return len(self.places)


def spread(table: Table, most: int) -> Table:
    """The same table with so many rows of each split at most, one drawn from each stretch: files are often sorted, and
    rows may alternate."""
    draw = np.random.default_rng(0)
    kept: list[npt.NDArray[np.intp]] = []
    for split in dict.fromkeys(table.splits):
        rows = np.flatnonzero(table.splits == split)
        stretch = math.ceil(len(rows) / most)
        starts = np.arange(0, len(rows), stretch)
        kept.append(rows[np.minimum(starts + draw.integers(stretch, size=len(starts)), len(rows) - 1)])
    if sum(map(len, kept)) == len(table):
        return table
    rows = np.sort(np.concatenate(kept))
    columns = {name: cells[rows] for name, cells in table.columns.items()}
    return replace(table, columns=columns, places=table.places[rows], splits=table.splits[rows], complete=False)


def as_column(cells: list[object]) -> npt.NDArray[np.object_]:
    """Cells as one array; a tuple stays one cell."""
    column = np.empty(len(cells), dtype=object)
    column[:] = cells
    return column


def tidy_names(names: Iterable[str]) -> list[str]:
    """Names of columns for one line of text: each once, without line ends, none empty."""
    tidied: dict[str, None] = {}
    for place, given in enumerate(names, 1):
        name = " ".join(given.encode("utf-8", "replace").decode().replace("\0", "").split()) or f"column_{place}"
        while name in tidied:
            name += f"_{place}"
        tidied[name] = None
    return list(tidied)

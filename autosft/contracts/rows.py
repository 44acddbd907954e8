"""Rows of data, whatever their modality: `Row`, `Rows`, `SkippedSample`, `Scan` and `Data`.

A row refers to its sample (a path, a text, a mapping of columns) and holds its targets as they were written; only
a modality opens what it refers to, and only a problem gives a target a meaning. Row ids run through everything:
outputs, mistakes, label audits.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar, overload

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "valid", "test")

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """One sample.

    Attributes:
        id: Stable and unique within the task.
        ref: What the modality needs to read the sample: a path, a text, a mapping of columns.
        targets: One entry per problem, as written: a label, a tuple of labels, a number, a tuple of boxes; None where
            it is missing. Plain data, with tuples and no lists. A row without any target has an empty tuple.
        split: `"train"`, `"valid"`, `"test"`, or empty if the data does not say.
        group: Rows of one group stay on one side of a split.
        weight: The weight of the sample in the loss, 0 or more.
        time: When the sample was taken, in any unit that grows. Where rows differ in it they are split by it: training
            rows are the earliest, test rows the latest.
    """

    id: str
    ref: Any
    targets: tuple[Any, ...] = ()
    split: str = ""
    group: str = ""
    weight: float = 1.0
    time: float = 0.0


@dataclass(frozen=True)
class SkippedSample:
    """A piece of data that cannot be used, and why.

    Attributes:
        ref: What it is called.
        reason: Why it cannot be used, in one line.
        lost: Whether a row that should have had a target is lost by it, and not, say, a file that belongs to none. Data
            that has lost a fifth of its rows is refused.
    """

    ref: str
    reason: str
    lost: bool = True


def printable(path: str | Path) -> str:
    """A path in characters that any file can hold; bytes that are no UTF-8 become question marks."""
    return os.fsencode(path).decode("utf-8", "replace")


def objects(values: Iterable[Any]) -> npt.NDArray[np.object_]:
    """A column of anything, shape (values,)."""
    values = list(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


class Columns(Protocol):
    """Where the columns of rows lie: in memory, or in a file. They are `Row`'s fields and three more, see `Rows`."""

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def take(self, name: str, numbers: Numbers) -> npt.NDArray[Any]:
        """One column at these row numbers."""
        ...


@dataclass(frozen=True, eq=False)
class InMemory:
    """Columns of equal length, which may hold anything."""

    arrays: Mapping[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.arrays["id"])

    def take(self, name: str, numbers: Numbers) -> npt.NDArray[Any]:
        """One column at these row numbers."""
        return self.arrays[name][numbers]


Kind = TypeVar("Kind", bound=np.generic)


class _Column(Generic[Kind]):
    """A column of rows under the name of an attribute, shape (rows,), taken from where it lies when it is asked for."""

    def __set_name__(self, owner: type[Rows], name: str) -> None:
        self._name = name

    def __get__(self, rows: Rows, owner: type[Rows]) -> npt.NDArray[Kind]:
        return rows.columns.take(self._name, rows.numbers)


@dataclass(frozen=True, eq=False)
class Rows(Sequence[Row]):
    """Some rows of some columns; indexing gives a `Row`, slicing and `take` give `Rows` and copy no column.

    Attributes:
        columns: Where they lie.
        numbers: The numbers of these rows in the columns, shape (rows,).
        id: Shape (rows,), as all that follow, and as `Row.id`.
        ref: As `Row.ref`.
        targets: As `Row.targets`.
        split: As `Row.split`.
        group: As `Row.group`.
        weight: As `Row.weight`.
        time: As `Row.time`.
        order: Within its split, the place of each row in an order of which every beginning has each stratum in
            proportion.
        fold: In which fold of a cross-validation each row validates, 0 being that of the validation split; else -1.
        digest: That of the content, by `Modality.digest`; empty where it is not known.
    """

    columns: Columns
    numbers: Numbers

    id = _Column[np.object_]()
    ref = _Column[np.object_]()
    targets = _Column[np.object_]()
    split = _Column[np.object_]()
    group = _Column[np.object_]()
    weight = _Column[np.float64]()
    time = _Column[np.float64]()
    order = _Column[np.int64]()
    fold = _Column[np.int64]()
    digest = _Column[np.object_]()

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        """Rows in memory."""
        rows = list(rows)
        arrays: dict[str, npt.NDArray[Any]] = {
            name: objects(getattr(row, name) for row in rows) for name in ("id", "ref", "targets", "split", "group")
        }
        for name in ("weight", "time"):
            arrays[name] = np.array([getattr(row, name) for row in rows], dtype=np.float64)
        count = len(rows)
        arrays |= {"order": np.arange(count), "fold": np.full(count, -1), "digest": objects([""] * count)}
        return cls(InMemory(arrays), np.arange(count))

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Rows: ...
    def __getitem__(self, index: int | slice) -> Row | Rows:
        if isinstance(index, slice):
            return replace(self, numbers=self.numbers[index])
        (row,) = replace(self, numbers=self.numbers[[index]])
        return row

    def __iter__(self) -> Iterator[Row]:
        for start in range(0, len(self), _AT_ONCE):
            numbers = self.numbers[start : start + _AT_ONCE]
            yield from map(Row, *(self.columns.take(name, numbers).tolist() for name in _FIELDS))

    def take(self, indices: Sequence[int] | npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_]) -> Rows:
        """The rows at these positions, or where a mask is true."""
        chosen = np.asarray(indices)
        if chosen.dtype != bool:
            chosen = chosen.astype(np.int64)
        return replace(self, numbers=self.numbers[chosen])

    def __add__(self, other: Rows) -> Rows:
        """Both, one after the other."""
        if self.columns is other.columns:
            return replace(self, numbers=np.concatenate([self.numbers, other.numbers]))
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in _COLUMNS}
        arrays = {name: np.concatenate(pair) for name, pair in pairs.items()}
        return Rows(InMemory(arrays), np.arange(len(self) + len(other)))

    def target(self, position: int) -> list[Any]:
        """One problem's targets, row by row; None where one is missing."""
        return [targets[position] for targets in self.targets]

    def present(self, position: int) -> Numbers | None:
        """The positions of the rows that have this problem's target, shape (having,); None if all have it."""
        there = np.array([target is not None for target in self.target(position)], dtype=bool)
        return None if there.all() else np.flatnonzero(there)

    def with_target(self, position: int) -> Rows:
        """The rows that have this problem's target."""
        present = self.present(position)
        return self if present is None else self.take(present)

    def group_ids(self) -> Numbers:
        """The number of what each row is split with, shape (rows,): its group, or itself where it has none."""
        numbers: dict[str | int, int] = {}
        named = (str(group) or row for row, group in enumerate(self.group))
        return np.array([numbers.setdefault(unit, len(numbers)) for unit in named], dtype=np.int64)

    def with_columns(self, **columns: npt.NDArray[Any]) -> Rows:
        """The same rows in memory, with some columns replaced, each of shape (rows,)."""
        arrays = {name: columns[name] if name in columns else getattr(self, name) for name in _COLUMNS}
        return Rows(InMemory(arrays), np.arange(len(self)))


_FIELDS = tuple(entry.name for entry in fields(Row))
_COLUMNS = (*_FIELDS, "order", "fold", "digest")

_AT_ONCE = 1024
"""So many rows are taken out of a file together while all are gone through."""


@dataclass(frozen=True)
class Scan:
    """All that a modality found, before any split.

    Attributes:
        rows: Rows with a target.
        unlabeled: Rows without any target, which some strategies learn from.
        skipped: What cannot be used, each with its reason.
    """

    rows: Rows
    unlabeled: Rows = field(default_factory=lambda: Rows.of(()))
    skipped: tuple[SkippedSample, ...] = ()


@dataclass(frozen=True)
class Data:
    """What a search works on; made by `autosft.data`, the same way for every modality.

    Attributes:
        train: The rows to train on.
        valid: The rows by which trials are compared.
        test: The rows that only the very end of a search reads, or None if the data gives none.
        unlabeled: Rows without targets.
        valid_is_predefined: Whether the data itself said which rows validate; then they are never trained on.
        fingerprint: sha256 over the ids, targets and splits of all rows.
    """

    train: Rows
    valid: Rows
    test: Rows | None
    unlabeled: Rows
    valid_is_predefined: bool
    fingerprint: str

    @classmethod
    def of(cls, labelled: Rows, unlabeled: Rows, valid_is_predefined: bool, fingerprint: str) -> Self:
        """Labelled rows by their split."""
        split = labelled.split
        train, valid, test = (labelled.take(split == name) for name in SPLITS)
        return cls(train, valid, test if len(test) else None, unlabeled, valid_is_predefined, fingerprint)

    @property
    def labelled(self) -> Rows:
        """All rows with targets."""
        rows = self.train + self.valid
        return rows if self.test is None else rows + self.test

    def further_folds(self) -> list[tuple[Rows, Rows]]:
        """Training and validation rows of the folds beside the validation split, in which together every labelled row
        validates once; none where trials are not cross-validated."""
        labelled = self.train + self.valid
        fold = labelled.fold
        count = int(fold.max(initial=-1))
        return [(labelled.take(fold != number), labelled.take(fold == number)) for number in range(1, count + 1)]

"""Rows of data, whatever their modality: `Row`, `Rows`, `Fault`, `Scan` and `Data`.

A row refers to its sample (a path, a text, a mapping of columns) and holds its targets as they were written; only
a modality opens what it refers to, and only a problem gives a target a meaning. Row ids run through everything:
outputs, mistakes, label audits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, cast, overload

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Row:
    """One sample.

    Attributes:
        id: Stable and unique within the task.
        ref: What the modality needs to read the sample: a path, a text, a mapping of columns.
        targets: One entry per problem, as written: a label, a tuple of labels, a number, a tuple of boxes. Tuples and
            no lists, because `Rows.from_plain` gives tuples.
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
class Fault:
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


def _objects(values: Iterable[Any]) -> npt.NDArray[np.object_]:
    values = list(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@dataclass(frozen=True)
class Rows(Sequence[Row]):
    """Rows in columns, so that millions of them fit; indexing gives a `Row`, slicing gives `Rows`."""

    id: npt.NDArray[np.object_]
    ref: npt.NDArray[np.object_]
    targets: npt.NDArray[np.object_]
    split: npt.NDArray[np.object_]
    group: npt.NDArray[np.object_]
    weight: npt.NDArray[np.float64]
    time: npt.NDArray[np.float64]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        """Columns from single rows."""
        rows = list(rows)
        return cls(
            id=_objects(row.id for row in rows),
            ref=_objects(row.ref for row in rows),
            targets=_objects(row.targets for row in rows),
            split=_objects(row.split for row in rows),
            group=_objects(row.group for row in rows),
            weight=np.array([row.weight for row in rows], dtype=np.float64),
            time=np.array([row.time for row in rows], dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.id)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Rows: ...
    def __getitem__(self, index: int | slice) -> Row | Rows:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        return Row(
            id=self.id[index],
            ref=self.ref[index],
            targets=self.targets[index],
            split=self.split[index],
            group=self.group[index],
            weight=float(self.weight[index]),
            time=float(self.time[index]),
        )

    def __iter__(self) -> Iterator[Row]:
        return (self[index] for index in range(len(self)))

    def take(self, indices: Sequence[int] | npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_]) -> Rows:
        """The rows at these positions, or where a mask is true."""
        chosen = np.asarray(indices)
        if chosen.dtype != bool:
            chosen = chosen.astype(np.int64)
        return self._each(lambda column: column[chosen])

    def __add__(self, other: Rows) -> Rows:
        """Both, one after the other."""
        pairs = zip(self._columns(), other._columns(), strict=True)
        return Rows(*(np.concatenate(pair) for pair in pairs))

    def target(self, position: int) -> list[Any]:
        """One problem's targets, row by row."""
        return [targets[position] for targets in self.targets]

    def units(self) -> npt.NDArray[np.int64]:
        """The number of what each row is split with, shape (rows,): its group, or itself where it has none."""
        numbers: dict[str | int, int] = {}
        named = (str(group) or row for row, group in enumerate(self.group))
        return np.array([numbers.setdefault(unit, len(numbers)) for unit in named], dtype=np.int64)

    def with_split(self, split: Sequence[str]) -> Rows:
        """The same rows in other splits."""
        return replace(self, split=_objects(split))

    def with_weight(self, weight: npt.NDArray[np.float64]) -> Rows:
        """The same rows with other weights."""
        return replace(self, weight=weight)

    def plain(self) -> dict[str, list[Any]]:
        """Columns of plain JSON data."""
        return {name: column.tolist() for name, column in zip(_COLUMNS, self._columns(), strict=True)}

    @classmethod
    def from_plain(cls, columns: Mapping[str, list[Any]]) -> Self:
        """What `plain` gave; JSON's lists of targets become tuples again."""
        rows = zip(*(columns[name] for name in _COLUMNS), strict=True)
        return cls.of(Row(id, ref, _as_tuples(targets), *rest) for id, ref, targets, *rest in rows)

    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        return (self.id, self.ref, self.targets, self.split, self.group, self.weight, self.time)

    def _each(self, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Rows:
        return Rows(*map(change, self._columns()))


_COLUMNS = ("id", "ref", "targets", "split", "group", "weight", "time")


def draws(units: npt.NDArray[np.integer[Any]], *, seed: int, count: int) -> Iterator[npt.NDArray[np.integer[Any]]]:
    """Which rows might have been there instead: positions, drawn with replacement (bootstrap; Efron, 1979).

    Args:
        units: The number of each row's unit, shape (rows,): rows of one group are alike, and are drawn together.
        seed: Decides the draws: with the same seed they are the same, so that scores can be compared draw by draw.
        count: How many draws.
    """
    draw = np.random.default_rng(seed)
    inverse: npt.NDArray[np.int64] = np.unique(units, return_inverse=True)[1]
    sizes = np.bincount(inverse)
    members = np.split(np.argsort(inverse, kind="stable"), sizes.cumsum()[:-1])
    for _ in range(count):
        drawn: npt.NDArray[np.int64] = draw.integers(0, len(sizes), len(sizes))
        chosen: list[int] = drawn.tolist()
        yield drawn if len(sizes) == len(units) else np.concatenate([members[unit] for unit in chosen])


def _as_tuples(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return tuple(_as_tuples(entry) for entry in cast("list[Any]", value))


@dataclass(frozen=True)
class Scan:
    """All that a modality found, before any split: rows with targets, rows without, and what cannot be used."""

    rows: Rows
    unlabeled: Rows = field(default_factory=lambda: Rows.of(()))
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Data:
    """What a search works on; made by `autosft.data`, the same way for every modality.

    Attributes:
        train: The rows to train on.
        valid: The rows by which trials are compared.
        test: The rows that only the very end of a search reads, or None if the data gives none.
        unlabeled: Rows without targets.
        given: Whether the data itself said which rows validate; then they are never trained on.
        fingerprint: sha256 over the ids, targets and splits of all rows.
    """

    train: Rows
    valid: Rows
    test: Rows | None
    unlabeled: Rows
    given: bool
    fingerprint: str

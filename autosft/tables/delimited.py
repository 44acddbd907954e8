"""Text tables, CSV and its kin: from a file to columns; rows that do not fit become faults, one by one."""

from __future__ import annotations

import csv
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from autosft.contracts.rows import Fault
from autosft.errors import BadInput
from autosft.tables.dialect import Dialect, find_dialect, has_header, parse_sample, variants
from autosft.tables.encoding import Encoding, find_encoding, open_text
from autosft.tables.table import Table, as_column

MOST_COLUMNS = 10_000
"""A table with more is refused: no modality reads so many, and a header of that kind is mostly a file laid on its side."""

_SAMPLE_LINES, _SAMPLE_CHARACTERS = 500, 1 << 20
"""What a dialect is told by: lines until either is reached."""

_CHUNK = 8192
"""Rows that are turned into columns at once."""

_FEW = 4
"""A column whose rows have this many times fewer different cells keeps each of them in memory once."""

_REREAD = 10
"""Lines after an unclosed quote are read again, until this many times the characters of the file have been."""

_limit = threading.Lock()


def read_delimited(path: Path, *, limit: int | None = None, names: Sequence[str] = ()) -> Table:
    """Read a text table.

    Args:
        path: The file.
        limit: The first rows to read; None means all.
        names: The columns of the table that this one goes with, so that its first row is known for a header or none.

    Raises:
        BadInput: The file is empty, no text, or too wide.
        OSError: It cannot be read.
    """
    encoding = find_encoding(path, quick=limit is not None)
    with _long_cells(), open_text(path, encoding) as stream:
        lines, sample_is_all = _sample(stream)
        if not "".join(lines).strip():
            raise BadInput(f"{path}: the file is empty.")
        _refuse_wide(path, lines[0])
        dialect = find_dialect(lines, "\t" if path.suffix.lower() in (".tsv", ".tab") else ",")
        records = parse_sample(lines, dialect)
    header = _header(records, names) if records else []
    found = _read(path, encoding, dialect, header, limit)
    if found.broken and not (sample_is_all and not dialect.quote):
        found = min([found, *_other_quotes(path, encoding, dialect, header, limit, "".join(lines))], key=_cost)
    return _table(path, encoding, found, bool(header))


@dataclass
class _Found:
    """What was read in one dialect; `broken` counts faults of quoting, `wrapped` cells that kept their quotes."""

    dialect: Dialect
    names: list[str]
    cells: list[list[object]] = field(default_factory=list[list[object]])
    places: list[object] = field(default_factory=list[object])
    faults: list[Fault] = field(default_factory=list[Fault])
    broken: int = 0
    wrapped: int = 0
    complete: bool = True


def _cost(found: _Found) -> int:
    return len(found.faults) + found.wrapped


def _other_quotes(
    path: Path, encoding: Encoding, dialect: Dialect, header: list[str], limit: int | None, sample: str
) -> Iterator[_Found]:
    """The same file in the other ways of quoting, where some quotes cannot be read."""
    for other in variants(dialect.separator, sample):
        if other != dialect:
            yield _read(path, encoding, other, header, limit)
    if '"' not in sample:
        yield _read(path, encoding, Dialect(dialect.separator, ""), header, limit)


class _Feed:
    """Lines for a reader, with those of the current record at hand, so that all but its first can be read again."""

    def __init__(self, lines: Iterator[str], allowance: int) -> None:
        self.lines = lines
        self.number = 0
        self._taken: list[str] = []
        self._again: deque[str] = deque()
        self._allowance = allowance

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self.lines)
        self._taken.append(line)
        return line

    def begin(self) -> int:
        """Forget the record before; gives the number of the line at which the next one begins."""
        self.number += len(self._taken)
        self._taken = []
        return self.number + 1

    def rewind(self) -> None:
        """Give the lines after the current record's first one again."""
        rest = self._taken[1:]
        self._allowance -= sum(map(len, rest))
        if self._allowance > 0:
            self._again.extendleft(reversed(rest))
            self._taken = self._taken[:1]


def _records(feed: _Feed, dialect: Dialect) -> Iterator[tuple[int, list[str] | str]]:
    """Each record with the number of its first line; a text instead of cells says why it cannot be read."""
    reader = dialect.reader(feed)
    while True:
        line = feed.begin()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            feed.rewind()
            unclosed = "end of data" in str(error)
            yield line, "a quote is opened and never closed" if unclosed else "text follows a closing quote"
        else:
            yield line, record


def _read(path: Path, encoding: Encoding, dialect: Dialect, header: list[str], limit: int | None) -> _Found:
    found = _Found(dialect, header)
    chunk: list[list[str]] = []
    known: list[dict[object, object]] = []
    with open_text(path, encoding) as stream:
        feed = _Feed(stream, _REREAD * path.stat().st_size)
        records = ((line, record) for line, record in _records(feed, dialect) if record)
        first = next(records, None)
        if not header and first is not None:  # without a header, the usual row says how many columns there are
            seen = [first, *islice(records, _SAMPLE_LINES)]
            widths = Counter(len(record) for _, record in seen if not isinstance(record, str))
            found.names = [f"column_{place + 1}" for place in range(widths.most_common(1)[0][0] if widths else 1)]
            records = chain(seen, records)
        found.cells = [[] for _ in found.names]
        known = [{} for _ in found.names]
        for line, record in records:
            if limit is not None and len(found.places) + len(chunk) + len(found.faults) >= limit:
                found.complete = False
                break
            reason = record if isinstance(record, str) else _unfit(record, len(found.names), encoding)
            if reason or isinstance(record, str):
                found.broken += isinstance(record, str)
                found.faults.append(Fault(f"{path.name}:{line}", reason))
                continue
            found.places.append(f"{path.name}:{line}")
            chunk.append(record)
            if len(chunk) == _CHUNK:
                _store(chunk, found, known)
                chunk = []
        _store(chunk, found, known)
    return found


def _unfit(record: list[str], width: int, encoding: Encoding) -> str:
    """Why a record is no row of the table; empty if it is one. Empty cells too many are cut off."""
    while len(record) > width and not record[-1]:
        record.pop()
    if len(record) != width:
        return f"{len(record)} cells, where the table has {width} columns"
    text = "".join(record)
    if "\0" in text:
        return "a NUL byte in the row"
    return f"bytes that are no {encoding.words}" if encoding.broken(text) else ""


def _store(chunk: list[list[str]], found: _Found, known: list[dict[object, object]]) -> None:
    """Add rows to the columns; equal cells of a column of few are kept once."""
    for cells, column, once in zip(zip(*chunk, strict=True), found.cells, known, strict=False):
        if not found.dialect.quote:
            found.wrapped += sum(len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'" for cell in cells)
        if _FEW * len(set(cells)) <= len(cells):
            column.extend(once.setdefault(cell, cell) if cell else None for cell in cells)
        else:
            column.extend(cell or None for cell in cells)


def _header(records: list[list[str]], names: Sequence[str]) -> list[str]:
    """The names of the columns; empty if the file has none."""
    first = [cell.strip() for cell in records[0]]
    while len(first) > 1 and not first[-1] and len(records) > 1 and len(records[1]) < len(first):
        first.pop()
    if names:
        shared = len(set(first) & set(names))
        if not shared and len(first) == len(names):
            return []
        named = bool(shared) or has_header(records)
    else:
        named = has_header(records)
    if not named:
        return []
    usual = Counter(map(len, records[1:])).most_common(1)
    if usual and usual[0][0] == len(first) + 1:  # as R writes the names of rows
        first = ["", *first]
    return _unique(first)


def _unique(names: list[str]) -> list[str]:
    """Names for all columns, each once."""
    taken: set[str] = set()
    result: list[str] = []
    for place, name in enumerate(names, 1):
        name = name or f"column_{place}"
        while name in taken:
            name += f"_{place}"
        taken.add(name)
        result.append(name)
    return result


def _table(path: Path, encoding: Encoding, found: _Found, headed: bool) -> Table:
    kind = "TSV" if found.dialect.separator == "\t" and path.suffix.lower() in (".tsv", ".tab") else "CSV"
    words = f"{kind}, {found.dialect.words}, {encoding.words}"
    return Table(
        columns={name: as_column(cells) for name, cells in zip(found.names, found.cells, strict=True)},
        places=as_column(found.places),
        splits=as_column([""] * len(found.places)),
        faults=tuple(found.faults),
        dialect=words if headed else f"{words}, no header (columns are named column_1, column_2, …)",
        complete=found.complete,
    )


def _sample(stream: Iterator[str]) -> tuple[list[str], bool]:
    lines: list[str] = []
    size = 0
    for line in stream:
        lines.append(line)
        size += len(line)
        if len(lines) >= _SAMPLE_LINES or size >= _SAMPLE_CHARACTERS:
            return lines, False
    return lines, True


def _refuse_wide(path: Path, line: str) -> None:
    widest = max(map(line.count, ",;\t|")) + 1
    if widest > MOST_COLUMNS:
        raise BadInput(f"{path}: {widest:,} columns in the first line; a table may have {MOST_COLUMNS:,}.")


@contextmanager
def _long_cells() -> Iterator[None]:
    """Cells of any length, which Python's csv allows for the whole process alone."""
    with _limit:
        before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        try:
            yield
        finally:
            csv.field_size_limit(before)

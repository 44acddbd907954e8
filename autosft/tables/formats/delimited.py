"""Text tables, CSV and its kin: from a file to columns; rows that do not fit are skipped, one by one."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, dropwhile, islice, repeat
from pathlib import Path

from autosft.contracts.rows import SkippedSample, printable
from autosft.errors import BadInput
from autosft.tables.formats.dialect import Dialect, find_dialect, header_vote, parse_sample, variants
from autosft.tables.formats.encoding import Encoding, find_encoding, open_text
from autosft.tables.formats.lines import long_cells, records_of
from autosft.tables.table import MOST_COLUMNS, Table, as_column, tidy_names

_SAMPLE_LINES, _SAMPLE_CHARACTERS, _SAMPLE_OF_A_LINE = 500, 1 << 20, 1 << 23
"""What a dialect is told by: lines until there are so many, or so many characters; no more than so many of one line."""

_SEPARATOR = re.compile(r"sep=(.)")
"""The first line by which Excel is told the separator."""

_CHUNK = 8192
"""Rows that are turned into columns at once."""

_FEW = 4
"""A column that has this many times fewer different cells than rows keeps each of them in memory once."""

_REREAD = 10
"""Lines that a stray quote has swallowed are read again, until this many times the size of the file has been."""


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
    with open_text(path, encoding) as stream:
        lines = _sample(stream)
    if not "".join(lines).strip():
        raise BadInput(f"{printable(path)}: the file is empty.")
    named = _SEPARATOR.fullmatch(lines[0].strip("\r\n"))
    with long_cells():
        if named:
            dialect = find_dialect(lines := lines[1:], named[1], sure=True)
        else:
            dialect = find_dialect(lines, "\t" if _says_tabs(path) else ",")
        records = parse_sample(lines, dialect)
        _refuse_wide(path, records)
        header = _header(records, names) if records else []
        source = _Source(path, encoding, header, limit, bool(named))
        found = _read(source, dialect)
        if found.doubts and dialect.quote:
            found = _best(source, found, "".join(lines))
    if not header and len(names) == len(found.names):
        found.names = list(names)
    kind = "TSV" if _says_tabs(path) and found.dialect.separator == "\t" else "CSV"
    words = f"{kind}, {found.dialect.words}, {encoding.words}" + ("" if header else ", no header")
    if not header and not names:
        words += " (columns are named column_1, column_2, …)"
    return Table(
        columns={name: as_column(cells) for name, cells in zip(found.names, found.cells, strict=True)},
        places=as_column(found.places),
        splits=as_column([""] * len(found.places)),
        skipped=tuple(found.skipped),
        dialect=words,
        complete=found.complete,
    )


@dataclass(frozen=True)
class _Source:
    """What to read, whatever the dialect; `named` where the first line is but the name of the separator."""

    path: Path
    encoding: Encoding
    header: list[str]
    limit: int | None
    named: bool


@dataclass
class _Found:
    """What was read in one dialect.

    `doubts` counts quotes that cannot be read, and cells of several lines that could be several rows; `wrapped` cells
    that kept their quotes.
    """

    dialect: Dialect
    names: list[str]
    cells: list[list[object]] = field(default_factory=list[list[object]])
    places: list[object] = field(default_factory=list[object])
    skipped: list[SkippedSample] = field(default_factory=list[SkippedSample])
    doubts: int = 0
    wrapped: int = 0
    complete: bool = True

    @property
    def cost(self) -> int:
        """What speaks against the dialect."""
        return len(self.skipped) + self.doubts + self.wrapped


def _best(source: _Source, found: _Found, sample: str) -> _Found:
    """What was found, or what another way of quoting finds with less that speaks against it."""
    others = [other for other in variants(found.dialect.separator, sample) if other != found.dialect]
    for other in others or [Dialect(found.dialect.separator, "")]:
        found = min(found, _read(source, other, most=found.cost), key=lambda one: one.cost)
    return found


def _read(source: _Source, dialect: Dialect, most: float = math.inf) -> _Found:
    """Read all rows, up to the limit, or until more than `most` speaks against the dialect."""
    found = _Found(dialect, source.header)
    chunk: list[list[str]] = []
    name = printable(Path(source.path.name))
    with open_text(source.path, source.encoding) as stream:
        records = records_of(_begun(stream), dialect, _REREAD * source.path.stat().st_size)
        if source.named:
            next(records, None)
        if source.header:
            next(records, None)
        else:  # the usual row says how many columns there are
            seen = list(islice(records, _SAMPLE_LINES))
            widths = Counter(len(record) for _, record in seen if not isinstance(record, str))
            found.names = [f"column_{place + 1}" for place in range(widths.most_common(1)[0][0] if widths else 1)]
            records = chain(seen, records)
        found.cells = [[] for _ in found.names]
        known: list[dict[object, object]] = [{} for _ in found.names]
        for line, record in records:
            limited = len(found.places) + len(found.skipped) == source.limit
            if limited or (most < math.inf and found.cost > most):
                found.complete = False
                break
            if isinstance(record, str):
                found.doubts += 1
                found.skipped.append(SkippedSample(f"{name}:{line}", record))
            elif reason := _unfit(record, len(found.names), source.encoding):
                found.skipped.append(SkippedSample(f"{name}:{line}", reason))
            else:
                found.places.append(f"{name}:{line}")
                chunk.append(record)
                if len(chunk) == _CHUNK:
                    _store(chunk, found, known)
                    chunk = []
        _store(chunk, found, known)
    return found


def _unfit(record: list[str], width: int, encoding: Encoding) -> str:
    """Why a record is no row of the table; empty if it is one. Empty cells too many are cut off."""
    if len(record) != width:
        while len(record) > width and not record[-1]:
            record.pop()
        if len(record) != width:
            return f"{len(record)} cell{'s' * (len(record) > 1)} instead of {width}"
    text = "".join(record)
    if "\0" in text:
        return "a NUL byte in the row"
    return f"bytes that are no {encoding.words}" if encoding.broken(text) else ""


def _store(chunk: list[list[str]], found: _Found, known: list[dict[object, object]]) -> None:
    """Add rows to the columns; equal cells of a column of few are kept once."""
    for cells, column, once in zip(zip(*chunk, strict=True), found.cells, known, strict=False):
        if found.dialect.quote:
            found.doubts += sum("\n" in cell and _could_be_rows(cell, found) for cell in cells)
        else:
            found.wrapped += sum(len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'" for cell in cells)
        if _FEW * len(set(cells)) <= len(cells):
            column.extend(once.setdefault(cell, cell) if cell else None for cell in cells)
        else:
            column.extend(cell or None for cell in cells)


def _could_be_rows(cell: str, found: _Found) -> bool:
    """Whether a cell of several lines has as many tabs as if a quote had swallowed whole rows.

    Between tabs quotes often mean nothing; between commas they do, and a line of prose has commas of its own.
    """
    return found.dialect.separator == "\t" and cell.count("\t") == cell.count("\n") * (len(found.names) - 1)


def _header(records: list[list[str]], names: Sequence[str]) -> list[str]:
    """The names of the columns; empty if the file has none."""
    first = [cell.strip() for cell in records[0]]
    body = [record for record in records[1:] if len(record) > 1] or records[1:]
    usual, _ = Counter(map(len, body)).most_common(1)[0] if body else (len(first), 0)
    while len(first) > usual and not first[-1]:
        first.pop()
    strange = bool(names) and not set(first) & set(names)
    vote = header_vote(records)
    if (not names or strange) and (vote < 0 or (vote == 0 and strange and len(first) == len(names))):
        return []
    if usual == len(first) + 1 and any(record[-1] for record in body if len(record) == usual):
        first = ["", *first]  # as R writes the names of rows
    return tidy_names(first)


def _says_tabs(path: Path) -> bool:
    return path.suffix.lower() in (".tsv", ".tab")


def _sample(stream: Iterator[str]) -> list[str]:
    """The first lines, from the first one that holds something."""
    lines: list[str] = []
    size = 0
    for line in dropwhile(str.isspace, stream):
        lines.append(line[:_SAMPLE_OF_A_LINE])
        size += len(line)
        if len(lines) >= _SAMPLE_LINES or size >= _SAMPLE_CHARACTERS:
            break
    return lines


def _begun(stream: Iterator[str]) -> Iterator[str]:
    """All lines. Those before the first that holds something are empty: they count, and no reader makes records of
    them."""
    for blank, line in enumerate(stream):
        if not line.isspace():
            return chain(repeat("\n", blank), (line,), stream)
    return iter(())


def _refuse_wide(path: Path, records: Sequence[list[str]]) -> None:
    widest = max(map(len, records), default=0)
    if widest > MOST_COLUMNS:
        raise BadInput(f"{printable(path)}: {widest:,} columns; a table may have {MOST_COLUMNS:,} at most.")

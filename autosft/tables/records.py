"""Tables whose rows name their columns: JSON Lines, a JSON array of objects, Parquet."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from autosft.contracts.rows import Fault
from autosft.errors import BadInput
from autosft.tables.delimited import MOST_COLUMNS
from autosft.tables.encoding import Encoding, find_encoding, open_text
from autosft.tables.table import Table, as_column

_GLANCE = 1 << 20
"""Characters of a JSON array that are read first where a few rows are enough."""

_BLANK = re.compile(r"[\s,]*")

_MOST_CELLS = 50_000_000
"""Cells of objects that have hardly a key in common: beyond this they are no table."""


def read_json_lines(path: Path, *, limit: int | None = None) -> Table:
    """Read an object per line; a line that is none becomes a fault.

    Raises:
        BadInput: The file is empty or no text, or has too many keys.
        OSError: It cannot be read.
    """
    encoding = find_encoding(path, quick=limit is not None)
    with open_text(path, encoding) as stream:
        lines = (
            (f"{path.name}:{number}", _parsed(line, encoding)) for number, line in enumerate(stream, 1) if line.strip()
        )
        return _table(path, lines, f"JSON Lines, {encoding.words}", limit)


def read_json_array(path: Path, *, limit: int | None = None) -> Table:
    """Read an array of objects; an entry that is none becomes a fault.

    Raises:
        BadInput: The file is no well-formed array, is empty, or has too many keys.
        OSError: It cannot be read.
    """
    encoding = find_encoding(path, quick=limit is not None)
    dialect = f"JSON, {encoding.words}"
    with open_text(path, encoding) as stream:
        text = stream.read(_GLANCE if limit is not None else -1)
        try:
            return _table(path, _entries(path, text, encoding), dialect, limit)
        except BadInput:
            rest = stream.read()
            if not rest:
                raise
        return _table(path, _entries(path, text + rest, encoding), dialect, limit)


def read_parquet(path: Path, *, limit: int | None = None) -> Table:
    """Read a Parquet file.

    Raises:
        BadInput: The file is damaged, or too wide.
        OSError: It cannot be read.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            names = cast("list[str]", file.schema_arrow.names)
            _refuse_wide(path, len(names))
            if len(set(names)) < len(names):
                raise BadInput(f"{path}: two columns have the same name.")
            cells: list[list[object]] = [[] for _ in names]
            for batch in file.iter_batches(min(limit or 65536, 65536)):
                for column, array in zip(cells, batch.columns, strict=True):
                    column.extend(map(_as_cell, array.to_pylist()))
                if limit is not None and names and len(cells[0]) >= limit:
                    break
            total = int(file.metadata.num_rows)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise BadInput(f"{path}: a damaged Parquet file ({_first_line(error)}).") from error
    cells = [column[:limit] for column in cells]
    rows = len(cells[0]) if cells else 0
    return Table(
        columns={name: as_column(column) for name, column in zip(names, cells, strict=True)},
        places=as_column([f"{path.name}:{number + 1}" for number in range(rows)]),
        splits=as_column([""] * rows),
        faults=(),
        dialect="Parquet",
        complete=rows == total,
    )


def _parsed(line: str, encoding: Encoding) -> Any:
    """What a text of JSON says, or a Fault's reason as an exception's twin: `_Broken`."""
    if encoding.broken(line):
        return _Broken(f"bytes that are no {encoding.words}")
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        return _Broken(f"not well-formed JSON ({error.msg} at character {error.pos + 1})")
    except (ValueError, RecursionError) as error:
        return _Broken(f"JSON that cannot be read ({_first_line(error)})")


class _Broken(str):
    """Why an entry cannot be read; no JSON value is of this type."""


def _entries(path: Path, text: str, encoding: Encoding) -> Iterator[tuple[str, Any]]:
    """The entries of an array, one after the other."""
    decoder = json.JSONDecoder()
    position = cast("re.Match[str]", re.match(r"\s*", text)).end()
    if text[position : position + 1] != "[":
        raise BadInput(f"{path}: not an array of JSON objects, as a table has to be.")
    position, number = position + 1, 0
    while True:
        position = cast("re.Match[str]", _BLANK.match(text, position)).end()
        if text[position : position + 1] == "]":
            return
        number += 1
        try:
            entry, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, position) + 1
            reason = error.msg if isinstance(error, json.JSONDecodeError) else _first_line(error)
            raise BadInput(f"{path}: not well-formed JSON in entry {number}, line {line} ({reason}).") from error
        broken = encoding.broken(text[position:end])
        yield f"{path.name}:{number}", _Broken(f"bytes that are no {encoding.words}") if broken else entry
        position = end


def _table(path: Path, entries: Iterable[tuple[str, Any]], dialect: str, limit: int | None) -> Table:
    columns: dict[str, list[object]] = {}
    places: list[object] = []
    faults: list[Fault] = []
    complete = True
    for place, entry in entries:
        if limit is not None and len(places) + len(faults) >= limit:
            complete = False
            break
        if not isinstance(entry, dict):
            reason = str(entry) if isinstance(entry, _Broken) else f"a JSON {_kind(entry)}, not an object"
            faults.append(Fault(place, reason))
            continue
        cells = {key: _as_cell(value) for key, value in cast("dict[str, Any]", entry).items()}
        if any(_has_surrogate(text) for pair in cells.items() for text in pair):
            faults.append(Fault(place, "half a character (a lone surrogate)"))
            continue
        for key in cells.keys() - columns.keys():
            _refuse_wide(path, len(columns) + 1)
            if len(columns) > 100 and len(columns) * len(places) > _MOST_CELLS:
                raise BadInput(f"{path}: objects with hardly a key in common are no table.")
        for key in cells:
            if key not in columns:
                columns[key] = [None] * len(places)
        for key, column in columns.items():
            column.append(cells.get(key))
        places.append(place)
    if not places and not faults:
        raise BadInput(f"{path}: the file is empty.")
    return Table(
        columns={name: as_column(cells) for name, cells in columns.items()},
        places=as_column(places),
        splits=as_column([""] * len(places)),
        faults=tuple(faults),
        dialect=dialect,
        complete=complete,
    )


def _as_cell(value: Any) -> Any:
    """A cell: lists as tuples, NaN as None."""
    if isinstance(value, list):
        return tuple(map(_as_cell, cast("list[Any]", value)))
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if value == "" and isinstance(value, str) else value


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return not value.isascii() and _SURROGATE.search(value) is not None
    if isinstance(value, tuple):
        return any(map(_has_surrogate, cast("tuple[Any, ...]", value)))
    if isinstance(value, dict):
        return any(_has_surrogate(part) for pair in cast("dict[Any, Any]", value).items() for part in pair)
    if isinstance(value, list):
        return any(map(_has_surrogate, cast("list[Any]", value)))
    return False


_SURROGATE = re.compile("[\ud800-\udfff]")


def _kind(value: Any) -> str:
    kinds = {list: "array", str: "text", bool: "truth value", type(None): "null"}
    return kinds.get(cast("type[Any]", type(value)), "number")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _refuse_wide(path: Path, columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise BadInput(f"{path}: over {MOST_COLUMNS:,} columns, the most that a table may have.")

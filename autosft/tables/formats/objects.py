"""JSON Lines, and a JSON array of objects: from a file to columns; an entry that is no object is skipped."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from autosft.contracts.rows import SkippedSample, printable
from autosft.errors import BadInput
from autosft.tables.formats.encoding import Encoding, find_encoding, open_text
from autosft.tables.table import MOST_COLUMNS, Table, as_column, tidy_names

_GLANCE = 1 << 20
"""Characters of a JSON array that are read first where a few rows are enough."""

_GAP = re.compile(r"[\s,]*")
_SURROGATE = re.compile("[\ud800-\udfff]")

_DEEPEST = 32
"""Lists and objects within each other; deeper ones are no cell."""

_SPARSE, _MOST_CELLS = 100, 20_000_000
"""Objects are no table if their columns have this many times more cells than they have, and more than these in all."""


class _Broken(str):
    """Why an entry cannot be read; no JSON value is of this type."""


def read_json_lines(path: Path, *, limit: int | None = None) -> Table:
    """Read an object per line.

    Raises:
        BadInput: The file is empty or no text, or its objects have too many keys.
        OSError: It cannot be read.
    """
    encoding = find_encoding(path, quick=limit is not None)
    with open_text(path, encoding) as stream:
        entries = ((number, _parsed(line, encoding)) for number, line in enumerate(stream, 1) if line.strip())
        return _table(path, entries, f"JSON Lines, {encoding.words}", limit)


def read_json_array(path: Path, *, limit: int | None = None) -> Table:
    """Read an array of objects.

    Raises:
        BadInput: The file is no well-formed array or is empty, or its objects have too many keys.
        OSError: It cannot be read.
    """
    encoding = find_encoding(path, quick=limit is not None)
    dialect = f"JSON, {encoding.words}"
    with open_text(path, encoding) as stream:
        text = stream.read(-1 if limit is None else _GLANCE)
        try:
            return _table(path, _entries(path, text, encoding), dialect, limit)
        except BadInput:
            rest = stream.read()
            if not rest:
                raise
        return _table(path, _entries(path, text + rest, encoding), dialect, limit)


def as_cell(value: Any) -> Any:
    """A value of JSON or Parquet as a cell: lists as tuples; NaN and an empty text are missing."""
    if isinstance(value, list):
        return tuple(map(as_cell, cast("list[Any]", value)))
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if value == "" and isinstance(value, str) else value


def _parsed(line: str, encoding: Encoding) -> Any:
    """What a line of JSON says, or why it cannot be used."""
    try:
        return _checked(json.loads(line), line, encoding)
    except (ValueError, RecursionError) as error:
        return _Broken(_reason(error))


def _checked(value: Any, text: str, encoding: Encoding) -> Any:
    """The value of a text, or why it cannot be used."""
    if encoding.broken(text):
        return _Broken(f"bytes that are no {encoding.words}")
    if "\\u" in text or text.count("[") + text.count("{") > _DEEPEST:  # else it has no flaw
        flaw = _flaw(value, 0)
        return _Broken(flaw) if flaw else value
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not well-formed JSON ({error.msg} at character {error.pos + 1})"
    return f"JSON {'nested too deeply' if isinstance(error, RecursionError) else 'with a number of too many digits'}"


def _entries(path: Path, text: str, encoding: Encoding) -> Iterator[tuple[int, Any]]:
    """The entries of an array, one after the other, counted from 1."""
    decoder = json.JSONDecoder()
    position = len(text) - len(text.lstrip())
    if text[position : position + 1] != "[":
        raise BadInput(f"{printable(path)}: not an array of JSON objects, as a table has to be.")
    position, number = position + 1, 0
    while True:
        position = cast("re.Match[str]", _GAP.match(text, position)).end()
        if text[position : position + 1] == "]":
            if more := text[position + 1 :].strip():
                raise BadInput(f"{printable(path)}: {more[:40]!r} follows the array; a table is one array.")
            return
        number += 1
        try:
            entry, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, position) + 1
            raise BadInput(f"{printable(path)}: entry {number} (line {line}) is {_reason(error)}.") from error
        yield number, _checked(entry, text[position:end], encoding)
        position = end


def _table(path: Path, entries: Iterable[tuple[int, Any]], dialect: str, limit: int | None) -> Table:
    """Columns of all keys, in the order in which they are met."""
    columns: dict[str, list[object]] = {}
    places: list[object] = []
    skipped: list[SkippedSample] = []
    complete, filled = True, 0
    name = printable(Path(path.name))
    for number, entry in entries:
        if limit is not None and len(places) + len(skipped) >= limit:
            complete = False
            break
        if reason := _unfit(entry):
            skipped.append(SkippedSample(f"{name}:{number}", reason))
            continue
        cells: dict[str, object] = {key: as_cell(value) for key, value in entry.items()}
        filled += len(cells)
        for key in cells:
            if key not in columns:
                columns[key] = [None] * len(places)
        for key, column in columns.items():
            column.append(cells.get(key))
        places.append(f"{name}:{number}")
        if len(columns) > MOST_COLUMNS:
            raise BadInput(f"{printable(path)}: over {MOST_COLUMNS:,} keys; a table may have as many columns at most.")
        if len(columns) * len(places) > max(_MOST_CELLS, _SPARSE * filled):
            raise BadInput(f"{printable(path)}: the objects have hardly a key in common, as a table's rows have.")
    if not places and not skipped:
        raise BadInput(f"{printable(path)}: the file is empty.")
    return Table(
        columns=dict(zip(tidy_names(columns), map(as_column, columns.values()), strict=True)),
        places=as_column(places),
        splits=as_column([""] * len(places)),
        skipped=tuple(skipped),
        dialect=dialect,
        complete=complete,
    )


def _unfit(entry: Any) -> str:
    """Why an entry is no row; empty if it is one."""
    if isinstance(entry, _Broken):
        return str(entry)
    if not isinstance(entry, dict):
        kinds = {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}
        return f"{kinds.get(cast('type[Any]', type(entry)), 'a number')}, not an object"
    return ""


def _flaw(value: Any, depth: int) -> str:
    """What is wrong with a value or a part of it; empty if nothing is."""
    if isinstance(value, str):
        broken = not value.isascii() and _SURROGATE.search(value)
        return "half a character (a lone surrogate)" if broken else ""
    if isinstance(value, list):
        parts: Iterable[Any] = cast("list[Any]", value)
    elif isinstance(value, dict):
        parts = (part for pair in cast("dict[str, Any]", value).items() for part in pair)
    else:
        return ""
    if depth == _DEEPEST:
        return "JSON nested too deeply"
    return next(filter(None, (_flaw(part, depth + 1) for part in parts)), "")

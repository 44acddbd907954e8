"""`is_table` and `read_table`: a table from a file or a folder, whatever its format. `glance`: rows enough to tell what
its columns are."""

from __future__ import annotations

from pathlib import Path

from autosft.contracts.rows import printable
from autosft.errors import BadInput
from autosft.tables.folder import is_table_folder, join, lay_out, take_split_column
from autosft.tables.formats.delimited import read_delimited
from autosft.tables.formats.kinds import format_of
from autosft.tables.formats.objects import read_json_array, read_json_lines
from autosft.tables.formats.parquet import read_parquet
from autosft.tables.table import Table, spread

FEWEST_GLANCED, MOST_GLANCED, MOST_CELLS = 1000, 20_000, 1_000_000
"""Rows of a split by which a table's columns are told: enough to meet each of a thousand classes twenty times; fewer
where there are very many columns."""

_glanced: list[tuple[object, Table]] = []
"""The table that `glance` read last, with its mark: `read_table` need not read it again."""


def is_table(path: Path) -> bool:
    """Whether a file, or a folder of files, looks like a table, by names and first bytes.

    A file with a table's ending is one even if its content is not, so that reading it says what is wrong.

    Args:
        path: The file or folder.
    """
    try:
        return is_table_folder(path) if path.is_dir() else bool(format_of(path))
    except OSError:
        return False


def read_table(path: Path, *, limit: int | None = None) -> Table:
    """Read a table.

    Args:
        path: A file, or a folder of files whose names say what they are for: train, valid (val, validation, dev), test.
        limit: How many rows of each file to read, from the first; None means all.

    Raises:
        BadInput: There is no table, or none that can be read; says what was found instead.
    """
    if limit is None and _glanced and _glanced[0][0] == _mark(path):
        return _glanced.pop()[1]
    try:
        if path.is_dir():
            layout = lay_out(path)
            first = _read_file(layout.files[0][1], limit)
            rest = (_read_file(file, limit, tuple(first.columns)) for _, file in layout.files[1:])
            table = join(layout, [first, *rest])
        else:
            table = _read_file(path, limit)
    except OSError as error:
        raise BadInput(f"{printable(path)}: cannot be read ({error.strerror or error}).") from error
    return take_split_column(table)


def glance(path: Path, table: Table) -> Table:
    """Rows by which it is told what the columns of a table are, evenly spread over each split.

    Args:
        path: The file or folder.
        table: Its first rows.

    Raises:
        BadInput: Below the first rows is what cannot be read.
    """
    if table.complete:
        return table
    whole = read_table(path)
    _glanced[:] = [(mark, whole)] if (mark := _mark(path)) else []
    return spread(whole, max(FEWEST_GLANCED, min(MOST_GLANCED, MOST_CELLS // max(1, len(whole.columns)))))


def _mark(path: Path) -> object:
    """What tells whether a table is still the same; None if its files cannot be asked."""
    try:
        files = [file for _, file in lay_out(path).files] if path.is_dir() else [path]
        return path, tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    except (BadInput, OSError):
        return None


def _read_file(path: Path, limit: int | None, names: tuple[str, ...] = ()) -> Table:
    if not path.is_file():
        raise BadInput(f"{printable(path)}: there is no such file or folder.")
    kind = format_of(path)
    if kind == "jsonl":
        table = read_json_lines(path, limit=limit)
    elif kind == "parquet":
        table = read_parquet(path, limit=limit)
    elif kind == "json" or path.suffix.lower() == ".json":
        table = read_json_array(path, limit=limit)
    else:
        table = read_delimited(path, limit=limit, names=names)
    if not len(table):
        first = next((f": {skip.ref} has {skip.reason}" for skip in table.skipped), "")
        raise BadInput(f"{printable(path)}: no row can be read{first}.")
    return table

"""`is_table` and `read_table`: a table from a file or a folder, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autosft.errors import BadInput
from autosft.tables.delimited import read_delimited
from autosft.tables.folder import is_table_folder, join, lay_out, take_split_column
from autosft.tables.formats import format_of
from autosft.tables.records import read_json_array, read_json_lines, read_parquet
from autosft.tables.table import Table


def is_table(path: Path) -> bool:
    """Whether a file, or a folder of files, looks like a table, by names and first bytes.

    A file of a table's suffix is one even if it turns out to be damaged, so that reading it says so.
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
    try:
        if path.is_dir():
            table = _read_folder(path, limit)
        elif not path.exists():
            raise BadInput(f"{path}: there is no such file or folder.")
        else:
            table = _read_file(path, limit)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}).") from error
    return take_split_column(table)


def _read_folder(folder: Path, limit: int | None) -> Table:
    layout = lay_out(folder)
    first = _read_file(layout.files[0][1], limit)
    parts = [first, *(_read_file(path, limit, tuple(first.columns)) for _, path in layout.files[1:])]
    return join(folder, layout, parts)


def _read_file(path: Path, limit: int | None, names: tuple[str, ...] = ()) -> Table:
    kind = format_of(path)
    if kind in ("", "text"):
        table = read_delimited(path, limit=limit, names=names)
    else:
        read: Callable[..., Table] = {"jsonl": read_json_lines, "json": read_json_array, "parquet": read_parquet}[kind]
        table = read(path, limit=limit)
    if not len(table) and not table.faults:
        raise BadInput(f"{path}: a header and no rows.")
    return table

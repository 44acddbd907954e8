"""`is_frame` and `write_frame`: a data frame of any library as a Parquet file, which is read like any other table.

A frame is what gives its columns by the Arrow PyCapsule interface: those of pandas 2.2 and later, Polars, PyArrow. Only
the last of these libraries is imported for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autosft.contracts.document import write_whole
from autosft.errors import BadInput, CannotWrite

if TYPE_CHECKING:
    from pyarrow import DataType, Table

_LOOKED_AT = 8
"""Cells by which a column of paths is known: all of so many name files."""


class Frame(Protocol):
    """A data frame; `is_frame` tells one."""

    @property
    def columns(self) -> Any:
        """The columns, or their names."""
        ...

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The columns, as Arrow's PyCapsule interface gives them."""
        ...


def is_frame(given: Any) -> bool:
    """Whether it is a data frame, and neither a single column nor a path."""
    return hasattr(given, "__arrow_c_stream__") and hasattr(given, "columns")


def write_frame(frame: Frame, folder: Path) -> Path:
    """Write a frame into a folder; the file is named for the content, so that the same frame is the same file.

    The index of a pandas frame is left out. Paths of files that are relative to the working directory become absolute.

    Raises:
        BadInput: The frame is empty, or a column of it holds what no table can.
        CannotWrite: The folder cannot be written.
    """
    import pyarrow as pa
    from pyarrow.parquet import write_table

    table = _located(table_of(frame)).combine_chunks()
    stream, file = pa.BufferOutputStream(), pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    path = folder / f"frame-{hashlib.sha256(stream.getvalue()).hexdigest()[:12]}.parquet"
    if path.exists():
        return path
    write_table(table, file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, file.getvalue().to_pybytes())
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be written ({error.strerror}).") from error
    return path


def table_of(frame: Frame) -> Table:
    """The columns of a frame, without its index and without notes on where they came from; texts are large strings.

    Raises:
        BadInput: The frame is empty, or a column of it holds what no table can.
    """
    import pyarrow as pa

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*column names of mixed type", category=UserWarning)
            table: Table = pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = "; ".join(map(str, error.args))
        column = re.search(r"failed for column (.+) with type", reason)
        where = f"column {column[1]!r} of the data frame" if column else "the data frame"
        raise BadInput(
            f"{where}: its cells are not of one type that a table holds ({reason.splitlines()[0][:200]})."
        ) from error
    index = (table.schema.pandas_metadata or {}).get("index_columns", ())
    table = table.drop_columns([name for name in index if isinstance(name, str)])
    if not table.num_rows or not table.num_columns:
        raise BadInput(f"The data frame is empty: {table.num_rows} rows, {table.num_columns} columns.")
    return table.cast(pa.schema([field.with_type(_plain(field.type)) for field in table.schema]))


def _plain(kind: DataType) -> DataType:
    """The type that stands for all that hold the same cells: texts are of several, and each library has its own."""
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    texts = pa.types.is_string(kind) or pa.types.is_string_view(kind)
    return pa.large_string() if texts else kind


def _located(table: Table) -> Table:
    """The table with absolute paths, in columns whose cells name files of the working directory."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if not pa.types.is_large_string(field.type):
            continue
        cells = table.column(place)
        some = [cell for cell in cells.drop_null()[:_LOOKED_AT].to_pylist() if cell]
        if some and all(_is_relative_file(cell) for cell in some):
            paths = [os.path.abspath(cell) if cell else cell for cell in cells.to_pylist()]  # noqa: PTH100
            table = table.set_column(place, field, pa.array(paths, type=field.type))
    return table


def _is_relative_file(cell: str) -> bool:
    try:
        return not os.path.isabs(cell) and os.path.isfile(cell)  # noqa: PTH113, PTH117
    except ValueError:  # no name at all: it has a null character in it
        return False

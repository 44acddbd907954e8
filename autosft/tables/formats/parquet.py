"""Parquet, by pyarrow: from a file to columns."""

from __future__ import annotations

from pathlib import Path

from autosft.contracts.rows import printable
from autosft.errors import BadInput
from autosft.tables.formats.objects import as_cell
from autosft.tables.table import MOST_COLUMNS, Table, as_column, tidy_names

_BATCH = 65536
"""Rows that are decoded at once."""


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
            names: list[str] = list(file.schema_arrow.names)
            if len(names) > MOST_COLUMNS:
                wide = f"{len(names):,} columns; a table may have {MOST_COLUMNS:,} at most"
                raise BadInput(f"{printable(path)}: {wide}.")
            total = int(file.metadata.num_rows)
            cells: list[list[object]] = [[] for _ in names]
            for batch in file.iter_batches(min(limit or _BATCH, _BATCH)):
                for column, array in zip(cells, batch.columns, strict=True):
                    column.extend(map(as_cell, array.to_pylist()))
                if limit is not None and cells and len(cells[0]) >= limit:
                    break
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BadInput(f"{printable(path)}: not a well-formed Parquet file ({reason}).") from error
    cells = [column[:limit] for column in cells]
    rows = len(cells[0]) if cells else 0
    name = printable(Path(path.name))
    return Table(
        columns=dict(zip(tidy_names(names), map(as_column, cells), strict=True)),
        places=as_column([f"{name}:{number + 1}" for number in range(rows)]),
        splits=as_column([""] * rows),
        skipped=(),
        dialect="Parquet",
        complete=rows == total,
    )

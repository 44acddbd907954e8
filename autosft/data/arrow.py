"""`write_rows`, `open_rows`: rows in an Arrow IPC file, which is mapped into memory and not read into it.

Every process that opens the file shares its pages, and a row is decoded when it is asked for. Texts, numbers and truth
values are columns of these types; whatever else a modality or a problem writes is JSON. Nothing is pickled: rows that
are sent to another process are opened there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import numpy.typing as npt

from autosft.contracts.document import whole_file
from autosft.contracts.rows import Data, Numbers, Rows, objects
from autosft.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

NUMERIC = ("weight", "time", "order", "fold")
FEW = ("split", "group")
"""Columns whose values come again and again: each is made once."""

TARGET = "target_"
"""The columns of targets begin so, and end with the problem's position."""

JSON = {b"encoding": b"json"}
"""What the metadata of a column of JSON says."""


def write_rows(path: Path, rows: Rows, about: Mapping[str, str]) -> None:
    """Write rows and some words about them, in one step.

    Raises:
        CannotWrite: The disk is full, or the folder cannot be written.
        TypeError: A row holds what is no plain data.
    """
    import pyarrow as pa

    columns = {name: _column(getattr(rows, name).tolist()) for name in ("id", "ref", "digest", *FEW)}
    columns |= {name: (pa.array(getattr(rows, name)), False) for name in NUMERIC}
    targets = rows.targets.tolist()
    for position in range(max(map(len, targets), default=0)):
        columns[f"{TARGET}{position}"] = _column([each[position] if each else None for each in targets])
    schema = [
        pa.field(name, array.type, metadata=JSON if is_json else None) for name, (array, is_json) in columns.items()
    ]
    table = pa.table([array for array, _ in columns.values()], schema=pa.schema(schema, metadata=dict(about)))
    with whole_file(path) as stream, pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)


def open_rows(path: Path) -> tuple[Rows, dict[str, str]]:
    """All rows of a file, in the order in which they were written, and the words about them.

    Raises:
        BadInput: The file is missing or damaged.
    """
    columns = InFile(path)
    return Rows(columns, np.arange(len(columns))), columns.about


def write_data(path: Path, data: Data) -> None:
    """Write all rows of a search, in one step.

    Raises:
        CannotWrite: The disk is full, or the folder cannot be written.
    """
    about = {
        "valid_is_predefined": json.dumps(data.valid_is_predefined),
        "labelled": str(len(data.labelled)),
        "fingerprint": data.fingerprint,
    }
    write_rows(path, data.labelled + data.unlabeled, about)


def read_data(path: Path) -> Data:
    """What `write_data` wrote, without its rows in memory.

    Raises:
        BadInput: The file is missing or damaged, or the run is of an earlier version.
    """
    if not path.exists() and path.with_suffix(".json").exists():
        raise BadInput(f"{path.parent}: a run of an earlier version of AutoSFT. Search again, into another folder.")
    rows, about = open_rows(path)
    try:
        count, predefined, fingerprint = (
            int(about["labelled"]),
            bool(json.loads(about["valid_is_predefined"])),
            about["fingerprint"],
        )
    except (KeyError, ValueError) as error:
        raise BadInput(f"{path}: does not hold the rows of a run ({error!r}).") from error
    return Data.of(rows[:count], rows[count:], predefined, fingerprint)


@final
class InFile:
    """The columns of a file that `write_rows` wrote. A copy in another process opens the file there.

    Args:
        path: The file.

    Raises:
        BadInput: It is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path = path
        try:
            with pa.memory_map(str(path)) as source:
                self._table = pa.ipc.open_file(source).read_all()
        except (OSError, pa.ArrowException) as error:
            raise BadInput(f"{path}: cannot be read, or is damaged ({error}).") from error
        about = cast("dict[bytes, bytes]", self._table.schema.metadata or {})
        self.about = {name.decode(): value.decode() for name, value in about.items()}
        self._targets = [name for name in self._table.column_names if name.startswith(TARGET)]  # as they were written

    def __reduce__(self) -> tuple[type[InFile], tuple[Path]]:
        return InFile, (self.path,)

    def __len__(self) -> int:
        return self._table.num_rows

    def take(self, name: str, numbers: Numbers) -> npt.NDArray[Any]:
        """One column at these row numbers."""
        if name in NUMERIC:
            return self._some(name, numbers).to_numpy()
        if name != "targets":
            return self._decoded(name, numbers)
        parts = [map(_as_tuples, self._decoded(column, numbers)) for column in self._targets]
        targets = zip(*parts, strict=True) if parts else [()] * len(numbers)
        return objects(() if all(target is None for target in each) else each for each in targets)

    def _some(self, name: str, numbers: Numbers) -> pa.ChunkedArray:
        """A slice where that will do, which copies nothing."""
        column = self._table.column(name)
        first, count = (int(numbers[0]), len(numbers)) if len(numbers) else (0, 0)
        if count and int(numbers[-1]) - first == count - 1 and (np.diff(numbers) == 1).all():
            return column.slice(first, count)
        return column.take(numbers)

    def _decoded(self, name: str, numbers: Numbers) -> npt.NDArray[np.object_]:
        some, is_json = self._some(name, numbers), self._table.schema.field(name).metadata == JSON
        if name not in FEW and name not in self._targets:
            return objects(map(json.loads, some.to_pylist()) if is_json else some.to_pylist())
        values: list[Any] = []
        places: list[npt.NDArray[np.int64]] = []
        for chunk in some.dictionary_encode(null_encoding="encode").chunks:
            places.append(chunk.indices.to_numpy().astype(np.int64) + len(values))
            values += chunk.dictionary.to_pylist()
        if is_json:
            values = [None if value is None else json.loads(value) for value in values]
        return objects(values)[np.concatenate(places)] if places else objects(())


def _column(values: Sequence[Any]) -> tuple[pa.Array, bool]:
    """A column of these values, None among them, and whether it holds JSON."""
    import pyarrow as pa

    kinds = {type(value) for value in values} - {type(None)}
    types: dict[type, Callable[[], pa.DataType]] = {
        str: pa.large_string,
        float: pa.float64,
        int: pa.int64,
        bool: pa.bool_,
    }
    if len(kinds) == 1 and (kind := kinds.pop()) in types:
        try:
            return pa.array(values, types[kind]()), False
        except (UnicodeEncodeError, pa.ArrowException, OverflowError):  # half a character, or a very large number
            pass
    texts = [None if value is None else json.dumps(value) for value in values]
    return pa.array(texts, pa.large_string()), True


def _as_tuples(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return tuple(_as_tuples(entry) for entry in cast("list[Any]", value))

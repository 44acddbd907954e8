"""`EncodedRows`: what one encoder made of rows, by row number.

Dense features lie in a file that only this process sees, mapped into memory when they are asked for, so that they take
memory only while somebody computes with them. Sparse ones, as of TF-IDF, are few numbers a row and stay in memory.
"""

from __future__ import annotations

import tempfile
import warnings
import weakref
from pathlib import Path
from typing import Any, cast, final

import numpy as np
import torch
from torch import Tensor

from autosft.contracts.rows import Numbers
from autosft.errors import CannotWrite


@final
class EncodedRows:
    """Features of rows, shape (width,) each, single precision.

    Args:
        count: How many rows there may be.
        folder: Where there is room for a file; None means where the system has its own.
    """

    def __init__(self, count: int, folder: Path | None) -> None:
        self._places = np.full(count, -1, dtype=np.int64)
        self._kept, self._folder = 0, folder
        self._width = 0
        self._file: Any = None  # of dense rows, one after the other
        self._sparse: list[Any] = []  # SciPy's CSR arrays, whose rows come one after the other

    def has(self, numbers: Numbers) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of these rows are there, shape (rows,)."""
        return self._places[numbers] >= 0

    def put(self, numbers: Numbers, features: Tensor) -> None:
        """Keep rows that are not there yet.

        Args:
            numbers: Their numbers, none of them twice.
            features: Shape (rows, width), dense or sparse.

        Raises:
            CannotWrite: The disk is full, or the folder cannot be written.
        """
        features = features.float().cpu()
        if features.is_sparse or features.layout == torch.sparse_csr:
            self._sparse.append(_csr_of(features))
        else:
            self._append(features)
        self._places[numbers] = np.arange(self._kept, self._kept + len(numbers))
        self._kept += len(numbers)

    def take(self, numbers: Numbers) -> Tensor:
        """The features of rows that are there, shape (rows, width), on the CPU; a sparse CSR tensor if they are sparse.

        Raises:
            KeyError: A row is not there.
        """
        if not self.has(numbers).all():
            raise KeyError("Some of these rows were not encoded.")
        places = self._places[numbers]
        if self._sparse:
            return self._sparse_rows(places)
        if self._file is None:
            return torch.empty(0, 0)
        kept = np.memmap(self._file, dtype=np.float32, mode="r", shape=(self._kept, self._width))
        return torch.from_numpy(np.asarray(kept[places]))

    def _append(self, features: Tensor) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (it is closed with this object)
                self._width = features.shape[1]
                weakref.finalize(self, self._file.close)
            self._file.seek(4 * self._width * self._kept)
            self._file.write(np.ascontiguousarray(features.numpy()).data)
            self._file.flush()
        except OSError as error:
            raise CannotWrite.at(self._folder or Path(tempfile.gettempdir()), error) from error

    def _sparse_rows(self, places: Numbers) -> Tensor:
        from scipy.sparse import vstack

        if len(self._sparse) > 1:
            self._sparse = [vstack(self._sparse, format="csr")]
        some = self._sparse[0][places]
        parts = (some.indptr, some.indices, some.data)
        crow, columns, values = (torch.from_numpy(np.ascontiguousarray(part)) for part in parts)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(crow.long(), columns.long(), values, some.shape, check_invariants=False)


def _csr_of(features: Tensor) -> Any:
    from scipy.sparse import coo_array, csr_array

    if features.layout == torch.sparse_csr:
        parts = (features.values(), features.col_indices(), features.crow_indices())
        return csr_array(tuple(cast("Tensor", part).numpy() for part in parts), shape=tuple(features.shape))
    features = features.coalesce()
    values, places = (part.numpy() for part in (features.values(), features.indices()))
    return coo_array((values, (places[0], places[1])), shape=tuple(features.shape)).tocsr()

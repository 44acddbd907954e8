"""What `X` of an estimator may be, as a table: data frames, columns, and sequences of texts, of paths and of images."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autosft.contracts.document import write_whole
from autosft.data.store import cache_folder
from autosft.errors import BadInput
from autosft.tables.frames import is_frame, table_of

if TYPE_CHECKING:
    from pyarrow import Table

COLUMN = "input"
"""What samples are called that have no name."""

_CHANNELS = ((), (1,), (2,), (3,), (4,))
"""What may follow height and width in the shape of an array: gray, with one axis more; with opacity; and in colors."""

_IN_PNG = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"})
"""Modes of Pillow that PNG holds as they are. TIFF holds the others, but for those of `_IN_NEITHER`."""

_IN_NEITHER = {"La": "LA", "RGBa": "RGBA", "HSV": "RGB"}
"""Modes that no file holds, and to what they are converted."""


def samples_of(X: Any) -> Sequence[Any] | Table:
    """A data frame as a table; all else as a sequence of texts, of paths as texts, or of Pillow images.

    Raises:
        BadInput: A sample is none of these.
    """
    if is_frame(X):
        return table_of(X)
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    if isinstance(X, (str, os.PathLike)) or not isinstance(X, Iterable):
        raise BadInput(f"X is of type {type(X).__name__}; give a sequence of samples, a column or a data frame.")
    return [_sample(number, given) for number, given in enumerate(X)]


def as_table(samples: Sequence[Any] | Table, more: Mapping[str, Sequence[Any]] | None = None) -> Table:
    """Samples as a table, images as paths of PNG or TIFF files in the user's cache.

    Args:
        samples: What `samples_of` gave.
        more: Further columns, such as the target's.

    Raises:
        CannotWrite: The cache is full or cannot be written.
    """
    import pyarrow as pa

    if isinstance(samples, Sequence):
        samples = pa.table({COLUMN: pa.array(map(_cell, samples), pa.large_string())})
    table: Table = samples
    for name, cells in (more or {}).items():
        table = table.append_column(name, pa.array(cells))
    return table


def are_images(samples: Sequence[Any] | Table) -> bool:
    """Whether samples are images in memory."""
    return isinstance(samples, list) and any(not isinstance(one, str) for one in samples)


def _sample(number: int, given: Any) -> Any:
    """A text, a path as a text, or a Pillow image."""
    if isinstance(given, str):
        return str(given)
    if isinstance(given, os.PathLike):
        return os.path.abspath(given)  # noqa: PTH100
    if isinstance(given, np.ndarray) and _is_image(given):
        from PIL import Image

        return Image.fromarray(given[..., 0] if given.shape[2:] == (1,) else given)
    if hasattr(given, "save") and hasattr(given, "getbands"):
        return given
    kind = f"a {given.dtype} array of shape {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
    raise BadInput(
        f"X[{number}] is {kind}; "
        "a sample is a text, a path, a Pillow image or a uint8 array of shape (height, width, 3)."
    )


def _is_image(array: np.ndarray[Any, Any]) -> bool:
    return array.dtype == np.uint8 and array.ndim > 1 and array.size > 0 and array.shape[2:] in _CHANNELS


def _cell(sample: Any) -> str:
    if isinstance(sample, str):
        return sample
    mode = _IN_NEITHER.get(sample.mode, sample.mode)
    kind = "png" if mode in _IN_PNG else "tiff"
    file = io.BytesIO()
    (sample if mode == sample.mode else sample.convert(mode)).save(file, format=kind)
    content = file.getvalue()
    path = Path(cache_folder() / "samples" / f"{hashlib.sha256(content).hexdigest()}.{kind}").absolute()
    if not path.exists():
        write_whole(path, content)
    return str(path)

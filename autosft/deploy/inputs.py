"""What a predictor is handed, as sequences: `several` and `batches`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np


def several(inputs: Any) -> Sequence[Any]:
    """Inputs as a sequence: a column of a frame, an array of texts and an array of images are several, all else that is
    no sequence is one."""
    if hasattr(inputs, "to_list"):
        return inputs.to_list()
    if isinstance(inputs, np.ndarray) and inputs.ndim and (inputs.dtype.kind in "OU" or inputs.ndim == 4):
        return list(inputs)
    if isinstance(inputs, Iterator):
        return list(inputs)
    return inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs]


def batches(inputs: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Lists of so many inputs, the last maybe shorter."""
    while some := list(islice(inputs, size)):
        yield some

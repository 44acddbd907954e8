"""The bootstrap (Efron, 1979): how much a score would vary if other rows had been drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.integer[Any]]


def bootstrap(
    score: Callable[[Positions], float], rows: int, *, seed: int, resamples: int
) -> npt.NDArray[np.floating[Any]]:
    """The score of each of `resamples` draws of `rows` positions with replacement, shape (resamples,)."""
    draw = np.random.default_rng(seed)
    return np.array([score(draw.integers(0, rows, rows)) for _ in range(resamples)])

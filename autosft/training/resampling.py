"""The bootstrap (Efron, 1979): how much a score would vary if other rows had been drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from autosft.contracts.rows import draws

Positions = npt.NDArray[np.integer[Any]]


def bootstrap(
    score: Callable[[Positions], float], units: Positions, *, seed: int, resamples: int
) -> npt.NDArray[np.floating[Any]]:
    """The score of each of `resamples` draws of units with replacement, shape (resamples,).

    Args:
        score: Of the rows at these positions.
        units: The number of each row's unit, shape (rows,): rows of one group are alike, and are drawn together.
        seed: Decides the draws.
        resamples: How many.
    """
    return np.array([score(positions) for positions in draws(units, seed=seed, count=resamples)])

"""The bootstrap (Efron, 1979): how much a score would vary if other rows had been drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from autosft.contracts.scoring import Positions

DEVIATIONS = 1.96
"""Standard errors to either side that make a 95 % interval of a normal distribution."""


def draws(groups: npt.NDArray[np.integer[Any]], *, seed: int, count: int) -> Iterator[npt.NDArray[np.integer[Any]]]:
    """Which rows might have been there instead: positions, drawn with replacement (bootstrap; Efron, 1979).

    Args:
        groups: The number of each row's group, shape (rows,): rows of one group are alike, and are drawn together.
        seed: Decides the draws: with the same seed they are the same, so that scores can be compared draw by draw.
        count: How many draws.
    """
    draw = np.random.default_rng(seed)
    inverse: npt.NDArray[np.int64] = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(inverse)
    members = np.split(np.argsort(inverse, kind="stable"), sizes.cumsum()[:-1])
    for _ in range(count):
        drawn: npt.NDArray[np.int64] = draw.integers(0, len(sizes), len(sizes))
        chosen: list[int] = drawn.tolist()
        yield drawn if len(sizes) == len(groups) else np.concatenate([members[group] for group in chosen])


def bootstrap(
    score: Callable[[Positions], float], groups: Positions, *, seed: int, resamples: int
) -> npt.NDArray[np.floating[Any]]:
    """The score of each of `resamples` draws of groups with replacement, shape (resamples,).

    Args:
        score: Of the rows at these positions.
        groups: The number of each row's group, shape (rows,): rows of one group are alike, and are drawn together.
        seed: Decides the draws.
        resamples: How many.
    """
    return np.array([score(positions) for positions in draws(groups, seed=seed, count=resamples)])

"""What the validation loss of labels is made of: the logarithm of the probability that the truth was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""A lower one counts as this: 0 would be infinitely wrong."""


def log_losses(chosen: Floats) -> npt.NDArray[np.float64]:
    """The negative logarithm of each probability."""
    return -np.log(np.maximum(chosen, LEAST_PROBABILITY), dtype=np.float64)

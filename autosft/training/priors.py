"""`choose_scale`: which class a row gets where a rare class counts as much as a frequent one.

Probabilities say what is so, and the most probable class is right most often; but a score such as the balanced accuracy
asks for another answer. Probabilities stay what they are; only the choice goes by them multiplied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""To choose from: at 0 the most probable class is given, at 1 that whose probability has risen most over its fraction
of the training rows, which is best for the balanced accuracy where probabilities are right (Menon et al., 2021)."""


def choose_scale(score: Callable[[Floats], float], probabilities: Floats, counts: Sequence[int]) -> Floats:
    """What the probability of each class is multiplied by before the highest is taken, shape (classes,).

    Args:
        score: Of probabilities that were multiplied, on validation rows.
        probabilities: Of those rows, shape (rows, classes).
        counts: The training rows of each class.

    Returns:
        The scale of the highest score; of equal ones that nearest to the probabilities.
    """
    fractions = np.asarray(counts, dtype=np.float64) / sum(counts)
    scales = [fractions**-power for power in POWERS]
    return scales[int(np.argmax([score(probabilities * scale) for scale in scales]))]

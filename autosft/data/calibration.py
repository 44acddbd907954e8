"""`reliability`: how sure answers were, and how often right. `calibration_error`: how far the one is from the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

BINS = 15
"""As many as Guo et al. (2017) take, of equal width; a confidence on an edge belongs to the bin below it, as there and
in scikit-learn's `calibration_curve`."""

_EDGES = np.arange(1, BINS) / BINS


class Reliability(NamedTuple):
    """A reliability diagram (DeGroot and Fienberg, 1983): the bins that have answers, from low to high, shape (bins,).

    Attributes:
        confidence: The mean probability that was given to the answers of a bin.
        accuracy: The fraction of them that is right.
        counts: How many answers there are.
    """

    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]


def reliability(confidence: Floats, right: npt.NDArray[np.bool_]) -> Reliability:
    """Compare how sure answers were with how often they were right.

    scikit-learn's `calibration_curve` gives the same means without the counts.

    Args:
        confidence: The probability that was given to each answer, from 0 to 1, shape (answers,).
        right: Whether it is right, shape (answers,).
    """
    bins = np.searchsorted(_EDGES, confidence)
    counts = np.bincount(bins, minlength=BINS)
    some = counts > 0
    sums = [np.bincount(bins, weights, minlength=BINS)[some] for weights in (confidence, right)]
    return Reliability(sums[0] / counts[some], sums[1] / counts[some], counts[some])


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """The expected calibration error (Naeini et al., 2015; Guo et al., 2017): the mean distance of confidence and
    accuracy over the bins, weighted by their answers; 0 if there is none.

    Args:
        confidence: As `reliability` takes it.
        right: Likewise.
    """
    found = reliability(confidence, right)
    gaps = np.abs(found.confidence - found.accuracy)
    return float(gaps @ found.counts) / max(1, len(confidence))

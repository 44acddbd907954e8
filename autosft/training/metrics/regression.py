"""Scores of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from autosft.training.metrics.metric import Floats, Metric


def regression_score(metric: str, truth: Floats, values: Floats) -> float:
    """Score numbers; of several targets, the mean over targets of each target's score.

    Args:
        metric: One of `REGRESSION`. Where the truth is one number throughout, `"r2"` and `"explained_variance"` are 1
            if all is right, else 0; where truth or answers are, a correlation is 0. The percentage error is a share,
            and enormous where a truth is zero.
        truth: Shape (rows, targets).
        values: What was answered, of the same shape; if it is not finite the score is minus infinity.
    """
    if not np.isfinite(values).all():
        return -np.inf
    return float(REGRESSION[metric].score(truth, values).mean())


def _neg(error: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats], Floats]:
    return lambda truth, values: -error(truth, values)


def _root_mean_squared(truth: Floats, values: Floats) -> Floats:
    return np.sqrt(np.square(truth - values).mean(0))


def _percentage(truth: Floats, values: Floats) -> Floats:
    return (np.abs(truth - values) / np.maximum(np.abs(truth), np.finfo(np.float64).eps)).mean(0)


def _r2(truth: Floats, values: Floats) -> Floats:
    return _explained(np.square(truth - values).mean(0), truth)


def _explained_variance(truth: Floats, values: Floats) -> Floats:
    return _explained((truth - values).var(0), truth)


def _explained(missing: Floats, truth: Floats) -> Floats:
    """The share of the variance that is not missing; where there is none, 1 if nothing is missing, else 0."""
    whole = truth.var(0) * (truth.min(0) < truth.max(0))  # of equal numbers a variance may be rounded to a little
    share = np.divide(missing, whole, out=(missing > 0).astype(np.float64), where=whole > 0)
    return 1.0 - share


def _pearson(truth: Floats, values: Floats) -> Floats:
    """Pearson (1895)."""
    one, other = truth - truth.mean(0), values - values.mean(0)
    spread = np.sqrt((one * one).sum(0) * (other * other).sum(0))
    constant = (np.ptp(truth, axis=0) == 0) | (np.ptp(values, axis=0) == 0)
    return np.divide((one * other).sum(0), spread, out=np.zeros(len(spread)), where=~constant & (spread > 0))


def _spearman(truth: Floats, values: Floats) -> Floats:
    """Spearman (1904)."""
    from scipy.stats import rankdata

    return _pearson(rankdata(truth, axis=0), rankdata(values, axis=0))


REGRESSION: Mapping[str, Metric] = {
    "r2": Metric("share of the variance that is explained", _r2),
    "neg_root_mean_squared_error": Metric("minus the root of the mean squared error", _neg(_root_mean_squared), 0.0),
    "neg_mean_absolute_error": Metric(
        "minus the mean absolute error", _neg(lambda truth, values: np.abs(truth - values).mean(0)), 0.0
    ),
    "neg_median_absolute_error": Metric(
        "minus the median absolute error", _neg(lambda truth, values: np.median(np.abs(truth - values), axis=0)), 0.0
    ),
    "neg_mean_absolute_percentage_error": Metric(
        "minus the mean error as a share of the truth", _neg(_percentage), 0.0
    ),
    "explained_variance": Metric(
        "share of the variance that is explained, but for a constant error", _explained_variance
    ),
    "pearsonr": Metric("linear correlation of truth and answer, by SciPy's name", _pearson),
    "spearmanr": Metric("correlation of their ranks, by SciPy's name", _spearman),
}
"""Each is computed per target from `truth` and `values`, see `regression_score`."""

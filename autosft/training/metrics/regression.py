"""Scores of numbers: scikit-learn's and SciPy's, and a number also where they have none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autosft.contracts.metric import Metric, by_name
from autosft.training.metrics.fast import Floats

Score = Callable[[Floats, Floats], float]


def _error(name: str) -> Score:
    """One of scikit-learn's errors, the mean over targets; infinite if an answer is not finite."""

    def score(truth: Floats, answered: Floats) -> float:
        from sklearn import metrics

        return float(getattr(metrics, name)(truth, answered)) if np.isfinite(answered).all() else np.inf

    return score


def _explained(name: str) -> Score:
    """One of scikit-learn's fractions of the variance, the mean over targets. Where the truth is one number throughout,
    it is 1 if all is right, else 0."""

    def score(truth: Floats, answered: Floats) -> float:
        from sklearn import metrics

        if not np.isfinite(answered).all():
            return -np.inf
        if len(truth) == 1:  # scikit-learn has none of a single row; of the same row twice it has
            truth, answered = truth.repeat(2, axis=0), answered.repeat(2, axis=0)
        first = truth[0]  # so shifted, equal numbers have a variance of 0, and not of a rounding error
        return float(getattr(metrics, name)(truth - first, answered - first))

    return score


def _pearson(truth: Floats, answered: Floats) -> float:
    """Pearson (1895), the mean over targets; 0 where truth or answers are one number throughout."""
    from scipy.stats import pearsonr

    if not np.isfinite(answered).all():
        return -np.inf
    varied = (np.ptp(truth, axis=0) > 0) & (np.ptp(answered, axis=0) > 0)
    found = np.zeros(truth.shape[1])
    if varied.any():
        correlations: Any = pearsonr(truth[:, varied], answered[:, varied], axis=0)
        found[varied] = correlations.statistic
    return float(found.mean())


def _spearman(truth: Floats, answered: Floats) -> float:
    """Spearman (1904): that of their ranks."""
    from scipy.stats import rankdata

    if not np.isfinite(answered).all():
        return -np.inf
    return _pearson(rankdata(truth, axis=0), rankdata(answered, axis=0))


_variance = partial(Metric, problem="regression", range=(-np.inf, 1.0))
_loss = partial(Metric, problem="regression", range=(0.0, np.inf), greater_is_better=False)
_rank = partial(Metric, problem="regression", range=(-1.0, 1.0))

REGRESSION = by_name(
    _variance("r2", function=_explained("r2_score"), about="fraction of the variance that is explained"),
    _loss(
        "neg_root_mean_squared_error",
        function=_error("root_mean_squared_error"),
        about="minus the root of the mean squared error",
    ),
    _loss("neg_mean_absolute_error", function=_error("mean_absolute_error"), about="minus the mean absolute error"),
    _loss(
        "neg_median_absolute_error",
        function=_error("median_absolute_error"),
        about="minus the median absolute error",
    ),
    _loss(
        "neg_mean_absolute_percentage_error",
        function=_error("mean_absolute_percentage_error"),
        about="minus the mean error as a fraction of the truth",
    ),
    _variance(
        "explained_variance",
        function=_explained("explained_variance_score"),
        about="fraction of the variance that is explained, but for a constant error",
    ),
    _rank("pearsonr", function=_pearson, about="linear correlation of truth and answer, by SciPy's name"),
    _rank("spearmanr", function=_spearman, about="correlation of their ranks, by SciPy's name"),
)
"""Each is the mean over targets, from `truth` and `answered`, both of shape (rows, targets). If an answer is not
finite, the score is minus infinity. The percentage error is a fraction, and enormous where a truth is zero."""

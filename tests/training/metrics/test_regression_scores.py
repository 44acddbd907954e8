"""Scores of numbers are scikit-learn's and SciPy's, and every truth and answer gives a score."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from autosft.training.metrics import REGRESSION


def regression_score(metric, truth, values):
    return REGRESSION[metric].score({"truth": truth, "answered": values})


@pytest.mark.parametrize("targets", [1, 3])
def test_scores_of_numbers_equal_scikit_learn_s(targets):
    draw = np.random.default_rng(5)
    truth = draw.normal(size=(40, targets)).round(1) * [1.0, 10.0, 100.0][:targets]  # with ties
    values = 0.3 + truth + draw.normal(size=truth.shape)
    pairs = list(zip(truth.T, values.T, strict=True))
    expected = {
        "r2": metrics.r2_score(truth, values),
        "explained_variance": metrics.explained_variance_score(truth, values),
        "neg_root_mean_squared_error": -metrics.root_mean_squared_error(truth, values),
        "neg_mean_absolute_error": -metrics.mean_absolute_error(truth, values),
        "neg_median_absolute_error": -metrics.median_absolute_error(truth, values),
        "neg_mean_absolute_percentage_error": -metrics.mean_absolute_percentage_error(truth, values),
        "pearsonr": np.mean([stats.pearsonr(*pair).statistic for pair in pairs]),
        "spearmanr": np.mean([stats.spearmanr(*pair).statistic for pair in pairs]),
    }
    assert set(expected) == set(REGRESSION)
    for name, value in expected.items():
        assert regression_score(name, truth, values) == pytest.approx(value), name


@pytest.mark.parametrize("metric", REGRESSION)
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_truth_that_is_one_number_throughout_gives_a_number(metric, rows, value):
    truth = np.full((rows, 1), value)
    assert np.isfinite(regression_score(metric, truth, truth + 1))
    share_of_variance = metric in ("r2", "explained_variance")
    assert regression_score(metric, truth, truth) == (1.0 if share_of_variance else 0.0)


@pytest.mark.parametrize("metric", REGRESSION)
def test_answers_that_are_not_finite_score_minus_infinity(metric):
    assert regression_score(metric, np.ones((2, 1)), np.array([[1.0], [np.nan]])) == -np.inf

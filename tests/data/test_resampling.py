"""The bootstrap draws what belongs together together."""

from __future__ import annotations

import numpy as np
from scipy import stats

from autosft.data.resampling import DEVIATIONS, bootstrap


def test_single_rows_are_drawn_with_replacement_and_repeatably():
    draws = []
    scores = bootstrap(lambda rows: draws.append(rows) or float(rows.mean()), np.arange(50), seed=1, resamples=30)

    assert all(len(rows) == 50 and len(set(rows.tolist())) < 50 for rows in draws)
    assert np.array_equal(scores, bootstrap(lambda rows: float(rows.mean()), np.arange(50), seed=1, resamples=30))


def test_rows_of_one_group_are_drawn_together_so_that_an_interval_is_as_wide_as_groups_are_few():
    groups, drawn = np.array([7, 3, 3, 7, 3, 9]), []
    bootstrap(lambda rows: drawn.append(rows) or 0.0, groups, seed=0, resamples=20)
    for rows in drawn:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[3] and counts[1] == counts[2] == counts[4]

    right = np.repeat(np.random.default_rng(0).integers(0, 2, 20), 50).astype(float)
    alone, together = (
        bootstrap(lambda rows: right[rows].mean(), groups, seed=0, resamples=200).std()
        for groups in (np.arange(1000), np.repeat(np.arange(20), 50))
    )
    assert together > 4 * alone


def test_single_rows_are_drawn_as_scipy_draws_them():
    values = np.random.default_rng(1).normal(size=40)
    ours = bootstrap(lambda rows: float(np.median(values[rows])), np.arange(40), seed=3, resamples=200)

    theirs = stats.bootstrap((values,), np.median, n_resamples=200, rng=np.random.default_rng(3), method="percentile")

    assert np.array_equal(ours, theirs.bootstrap_distribution)
    np.testing.assert_allclose(np.quantile(ours, [0.025, 0.975]), theirs.confidence_interval)


def test_a_normal_interval_is_that_of_scipy():
    assert round(stats.norm.ppf(0.975), 2) == DEVIATIONS

"""Proves `Fit` and `restore`: a model whose heads are replaced by what holds the training rows themselves.

k nearest neighbors (Cover and Hart, 1967) by cosine, weighted as in DINO (Caron et al., 2021).
"""

import pytest
from neighbors import NearestNeighbors

from autosft.builtin.classification import Classification
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import registry
from autosft.training.loop import train


class TestNearestNeighbors(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return NearestNeighbors()


def test_kept_rows_travel_with_the_model(points_trial, runtime, bundled):
    trial = points_trial("neighbors", Classification())
    trained = train(trial, runtime, NearestNeighbors())
    assert trained.evaluation.score > 0.7 and trained.trained == 0
    parts = registry(Classification())
    parts.strategies["neighbors"] = NearestNeighbors()
    again = bundled(parts, (trial, trained)).outputs(trial.valid)[0]
    assert (again.arrays["probabilities"] == trained.evaluation.outputs[0].arrays["probabilities"]).all()

"""Proves that a model need not learn by gradients: boosted trees (Friedman, 2001) on encoded rows."""

import numpy as np
import pytest
import torch
from forest import Forest
from sklearn.ensemble import GradientBoostingClassifier
from trees import BoostedTrees

from autosft.builtin.classification import Classification
from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import quick_recipe
from autosft.training.loop import train


class TestBoostedTrees(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return BoostedTrees()

    @pytest.fixture
    def recipe(self):
        return quick_recipe("trees").changed(own={"trees": {"count": 5, "depth": 2}})


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_says_what_the_trees_say(classes):
    draw = np.random.default_rng(0)
    rows, numbers = draw.normal(size=(90, 4)).astype(np.float32), draw.integers(classes, size=90)
    numbers[rows[:, 1] > 0.3] = 1
    booster = GradientBoostingClassifier(n_estimators=7, max_depth=3, random_state=0).fit(rows, numbers)

    said = Forest.of(booster)({"pooled": torch.from_numpy(rows)}).softmax(1)

    np.testing.assert_allclose(said.numpy(), booster.predict_proba(rows), atol=1e-5)


def test_trees_learn(points_trial, runtime):
    trial = points_trial("trees", Classification()).with_recipe(own={"trees": {"count": 20, "depth": 2}})

    assert train(trial, runtime, BoostedTrees()).evaluation.score > 0.7

"""What a strategy asks of an encoder's origin, and the probe on sparse features, which are not standardized."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from autosft.api import BackboneInfo, Inputs
from autosft.api.tensors import LinearHead
from autosft.builtin.classification import Classification
from autosft.builtin.regression import Regression
from autosft.contracts.facts import Facts
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft_strategies.full import Full
from autosft_strategies.linear import SPARSE_UNIT, LinearProblem
from autosft_strategies.lpft import LinearProbeFineTune
from autosft_strategies.probe import Probe


@pytest.mark.parametrize("strategy, useless, fit", [(Probe(), "scratch", "fitted"), (Full(), "fitted", "scratch")])
def test_frozen_needs_knowledge_and_training_something_to_train(strategy, useless, fit):
    def reason(origin):
        info = BackboneInfo(name="any/any", inputs=Inputs(kind="any"), origin=origin)
        return strategy.accepts(Facts(train=100), info, [Classification()])

    assert reason(useless) and not reason(fit) and not reason("pretrained")


@pytest.mark.parametrize("strategy", [Probe(), LinearProbeFineTune()])
def test_what_maps_targets_to_how_a_row_is_seen_is_not_fitted_on_frozen_features(strategy):
    class Mapped(Regression):
        def wrap(self, target, sample, meta):
            return target / meta["width"]

    info = BackboneInfo(name="any/any", inputs=Inputs(kind="any"))
    assert "seen" in strategy.accepts(Facts(train=100), info, [Regression(), Mapped()])
    assert not strategy.accepts(Facts(train=100), info, [Regression()])


def test_a_solution_on_sparse_features_is_scikit_learn_s(tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=80))
    trial = make_trial(tmp_path / "trial", task, registry(Classification()), quick_recipe("probe"))
    count, width, targets = len(trial.train), 500, trial.train.target(0)
    draw = np.random.default_rng(0)
    dense = (draw.random((count, width)) * (draw.random((count, width)) < 0.05)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")
        features = torch.from_numpy(dense).to_sparse_csr()
    problem = LinearProblem(
        trial.parts, make_runtime(trial), 0, LinearHead(width, 3), features, targets, torch.ones(count)
    )

    weight, bias = problem.on(torch.arange(0, count, 2)).solve(0.5, None)

    strength = 0.5 * SPARSE_UNIT * (dense**2).sum(1).mean()
    exact = LogisticRegression(C=1 / (strength * len(targets[::2])), tol=1e-8).fit(dense[::2], targets[::2])
    np.testing.assert_allclose(weight.numpy(), exact.coef_, atol=5e-3)
    losses = -exact.predict_log_proba(dense)[range(count), ["abc".index(target) for target in targets]]
    np.testing.assert_allclose(problem.on(torch.arange(count)).loss((weight, bias)).numpy(), losses, atol=5e-3)

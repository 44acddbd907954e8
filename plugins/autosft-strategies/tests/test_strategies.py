"""Every strategy of this package keeps the contract, and the probe finds the optimum that it promises."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from autosft.builtin.classification import Classification
from autosft.contracts.tensors import LinearHead
from autosft.testing.conformance import StrategyConformance
from autosft.testing.job import make_job, points_task, quick_recipe
from autosft.testing.toy import make_points, registry
from autosft_strategies.full import Full
from autosft_strategies.linear import LinearProblem
from autosft_strategies.probe import Probe


class TestProbe(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return Probe()


class TestFull(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return Full()


@pytest.mark.parametrize("strength", [3.0, 0.3])
def test_a_solution_of_the_probe_is_scikit_learn_s(tmp_path, strength):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=80))
    job = make_job(tmp_path / "trial", task, registry(Classification()), quick_recipe("probe"))
    points = np.stack([job.read(row) for row in job.train])
    count, width = points.shape
    features, weights = torch.from_numpy(points), torch.ones(count)
    problem = LinearProblem(job, 0, LinearHead(width, 3), features, job.train.target(0), weights)
    weight, bias = problem.solve(torch.arange(count), strength, None)
    exact = LogisticRegression(C=width / (strength * count), tol=1e-8).fit(points, job.train.target(0))
    np.testing.assert_allclose(weight.numpy(), exact.coef_, atol=5e-3)
    np.testing.assert_allclose((bias - bias.mean()).numpy(), exact.intercept_ - exact.intercept_.mean(), atol=5e-3)

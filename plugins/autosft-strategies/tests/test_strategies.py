"""Every strategy of this package keeps the contract, and the probe finds the optimum that it promises."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from autosft.builtin.classification import Classification
from autosft.contracts.backbone import BackboneInfo, Inputs
from autosft.contracts.task import Task
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


def test_a_solution_on_sparse_features_is_scikit_learn_s(tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=80))
    job = make_job(tmp_path / "trial", task, registry(Classification()), quick_recipe("probe"))
    count, width = len(job.train), 500
    draw = np.random.default_rng(0)
    dense = (draw.random((count, width)) * (draw.random((count, width)) < 0.05)).astype(np.float32)
    features = sparse(dense)
    problem = LinearProblem(job, 0, LinearHead(width, 3), features, job.train.target(0), torch.ones(count))
    rows = torch.arange(0, count, 2)
    weight, bias = problem.solve(rows, 0.5, None)
    strength = 0.5 * (dense**2).sum(1).mean() / (dense != 0).sum(1).mean() ** 2
    targets = [job.train.target(0)[row] for row in rows]
    exact = LogisticRegression(C=1 / (strength * len(rows)), tol=1e-8).fit(dense[::2], targets)
    np.testing.assert_allclose(weight.numpy(), exact.coef_, atol=5e-3)
    out = problem.loss(torch.arange(count), (weight, bias))
    losses = -np.log(exact.predict_proba(dense)[range(count), [list("abc").index(y) for y in job.train.target(0)]])
    np.testing.assert_allclose(out.numpy(), losses, atol=5e-3)


@pytest.mark.parametrize("origin, other", [("scratch", "fitted"), ("fitted", "scratch")])
def test_frozen_needs_knowledge_and_training_something_to_train(origin, other):
    strategy = Probe() if origin == "scratch" else Full()
    infos = {name: BackboneInfo(name="any/any", inputs=Inputs(kind="any"), origin=name) for name in (origin, other)}
    task = Task(name="any", modality="any", problems=("classification",), data={})
    assert strategy.accepts(task, infos[origin], [Classification()])
    assert not strategy.accepts(task, infos[other], [Classification()])


def sparse(dense):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")
        return torch.from_numpy(dense).to_sparse_csr()

"""Mixing: inputs and losses of two rows by the same fraction, also in parts, and the same again from the same seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.recipe import Regular
from autosft.contracts.tensors import Batch
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import ToyStrategy, make_points, registry
from autosft.testing.trials import make_trial, points_task, quick_recipe
from autosft.training.loaders import training_batches
from autosft.training.losses import row_losses, supervised
from autosft.training.mixing import mix
from autosft.training.model import build_model

PROBLEMS = [Classification(), MultiLabel(), Regression()]


def rows(inputs):
    numbers = torch.arange(float(len(inputs)))
    return Batch(inputs, (numbers,), tuple(map(str, range(len(inputs)))), 1 + numbers)


def mixed(batch, seed, **alphas):
    return mix(batch, np.random.default_rng(seed), **{"mixup": 0.0, "cutmix": 0.0, **alphas})


def test_mixup_gives_means_of_two_rows_by_the_fraction_that_goes_with_them():
    batch = rows(torch.randn(6, 3, 4, 4))
    weights = set()
    for seed in range(20):
        one = mixed(batch, seed, mixup=0.8)
        others = batch.inputs[one.mixed.targets[0].long()]
        torch.testing.assert_close(one.inputs, one.mixed.lam * batch.inputs + (1 - one.mixed.lam) * others)
        assert torch.equal(one.mixed.weights, 1 + one.mixed.targets[0])
        assert one.rows == batch.rows and torch.equal(one.targets[0], batch.targets[0])
        weights.add(one.mixed.lam)
    assert len(weights) == 20 and min(weights) < 0.3 and max(weights) > 0.7


@pytest.mark.parametrize("shape", [(8, 8), (1, 1), (5, 300)])
def test_cutmix_pastes_one_box_whose_area_is_the_others_fraction(shape):
    batch = rows(torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 3, *shape))
    for seed in range(20):
        one = mixed(batch, seed, cutmix=1.0)
        foreign = one.inputs != batch.inputs
        others = one.mixed.targets[0].reshape(6, 1, 1, 1).expand_as(batch.inputs)
        assert torch.equal(one.inputs[foreign], others[foreign])
        moved = [row for row in range(6) if int(one.mixed.targets[0][row]) != row]
        for row in moved:
            assert float(foreign[row].float().mean()) == pytest.approx(1 - one.mixed.lam, abs=1e-6)
            down, across = foreign[row, 0].any(1).nonzero()[:, 0], foreign[row, 0].any(0).nonzero()[:, 0]
            assert foreign[row].all(0).sum() == len(down) * len(across)
            assert len(down) == 0 or int(down[-1] - down[0]) + 1 == len(down)
    assert batch.inputs[0].abs().max() == 0  # the batch itself stays as it was


def test_with_both_alphas_each_batch_is_mixed_in_one_of_the_two_ways():
    batch = rows(torch.arange(2.0).reshape(2, 1, 1, 1).expand(2, 1, 16, 16))
    means = [
        ((one.inputs > 0) & (one.inputs < 1)).any()
        for one in (mixed(batch, seed, mixup=1.0, cutmix=1.0) for seed in range(40))
    ]
    assert 0 < sum(map(bool, means)) < 30


@pytest.mark.parametrize("inputs", [[torch.ones(3), torch.ones(2)], {"ids": torch.ones(2, 3)}, torch.ones(2, 3).long()])
def test_inputs_of_another_kind_are_not_mixed(inputs):
    with pytest.raises(TypeError, match="one tensor of floats"):
        mixed(Batch(inputs, (), ("a", "b"), torch.ones(2)), 0, mixup=0.2)


@pytest.fixture(params=PROBLEMS, ids=lambda problem: problem.name)
def trial(request, tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=60), problems=[request.param.name])
    recipe = quick_recipe("toy").changed(regular=Regular(mixup=1.0))
    return make_trial(tmp_path / "trial", task, registry(request.param), recipe)


def test_the_loss_of_a_mixed_row_is_that_with_both_targets_by_lambda_and_weight(trial, runtime):
    model = build_model(trial.parts, runtime)
    torch.nn.init.normal_(model.heads[0].linear.weight)
    plain = next(training_batches(trial.with_recipe(regular=Regular()), runtime).epoch(0))
    plain = replace(plain, weights=torch.rand(len(plain)))
    batch = mixed(plain, 0, mixup=1.0)
    outs, lam = model(batch), batch.mixed.lam
    pairs = ((batch.targets, batch.weights), (batch.mixed.targets, batch.mixed.weights))
    own, other = (
        row_losses(trial.parts, outs, replace(batch, targets=targets, weights=weights, mixed=None)).sum()
        for targets, weights in pairs
    )
    total = lam * own + (1 - lam) * other
    torch.testing.assert_close(supervised(trial.parts, model)(batch), total / len(batch))
    parts = torch.stack([len(part) * supervised(trial.parts, model)(part) for part in batch.split(5)])
    torch.testing.assert_close(parts.sum(), total)


def test_a_recipe_with_mixup_trains_on_mixed_rows_and_one_without_does_not(trial, runtime):
    assert all(batch.mixed for batch in training_batches(trial, runtime).epoch(0))
    plain = trial.with_recipe(regular=Regular())
    assert not any(batch.mixed for batch in training_batches(plain, runtime).epoch(0))


class TestMixedAndBalanced(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights."""

    @pytest.fixture
    def strategy(self):
        return ToyStrategy()

    @pytest.fixture
    def recipe(self):
        return quick_recipe("toy").changed(regular=Regular(mixup=0.2, balance="sampling", augment="light"))

    @pytest.fixture
    def problems(self):
        return [Classification()]

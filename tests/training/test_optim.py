"""Rates: warm-up, cosine, constant, layer decay, and what does not decay."""

import math

import pytest
import torch

from autosft.contracts.recipe import Optim
from autosft.training.model import build_model, parameter_groups, train_only
from autosft.training.optim.optimizer import optimizer_for
from autosft.training.optim.schedule import set_rate


@pytest.fixture
def optimizer():
    parameters = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate, "weight_decay": 0.0} for rate in (1, 10)]
    return optimizer_for(parameters)


def _rates(optimizer, steps, warmup, schedule="cosine"):
    rates = []
    for step in range(steps):
        set_rate(optimizer, step, steps, Optim(warmup=warmup, schedule=schedule))
        rates.append([group["lr"] for group in optimizer.param_groups])
    return rates


def test_rates_rise_in_a_line_and_fall_as_a_cosine(optimizer):
    rates = [first for first, _ in _rates(optimizer, 100, 0.1)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10:] == pytest.approx([0.5 * (1 + math.cos(math.pi * step / 90)) for step in range(90)])
    assert 0 < rates[-1] < 0.001


def test_a_constant_rate_rises_and_stays(optimizer):
    rates = [first for first, _ in _rates(optimizer, 20, 0.2, "constant")]
    assert rates == pytest.approx([0.25, 0.5, 0.75] + 17 * [1.0])


def test_each_group_keeps_its_own_peak(optimizer):
    assert all(second == pytest.approx(10 * first) for first, second in _rates(optimizer, 20, 0.2))


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.5, 1.0])
def test_short_schedules_have_rates_too(optimizer, steps, warmup):
    assert all(0 < first <= 1 for first, _ in _rates(optimizer, steps, warmup))


def test_a_step_s_rate_needs_no_memory_of_earlier_steps(optimizer):
    in_order = _rates(optimizer, 10, 0.1)
    set_rate(optimizer, 7, 10, Optim(warmup=0.1))
    assert [group["lr"] for group in optimizer.param_groups] == in_order[7]


@pytest.fixture
def rated(trial):
    optim = Optim(lr=1.0, head_lr=5.0, layer_decay=0.5, weight_decay=0.1)
    return trial.with_recipe(optim=optim)


def _settings(model, groups):
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"]) for group in groups for parameter in group["params"]
    }


def test_blocks_near_the_input_learn_more_slowly_and_biases_do_not_decay(rated, runtime):
    model = build_model(rated.parts, runtime)
    assert _settings(model, parameter_groups(rated.parts.recipe, model)) == {
        "encoder.first.weight": (0.5, 0.1),
        "encoder.first.bias": (0.5, 0.0),
        "encoder.second.weight": (1.0, 0.1),
        "encoder.second.bias": (1.0, 0.0),
        "heads.0.linear.weight": (5.0, 0.1),
        "heads.0.linear.bias": (5.0, 0.0),
    }


def test_frozen_parameters_are_in_no_group(rated, runtime):
    model = build_model(rated.parts, runtime)
    train_only(model.encoder, ())
    assert set(_settings(model, parameter_groups(rated.parts.recipe, model))) == {
        "heads.0.linear.weight",
        "heads.0.linear.bias",
    }

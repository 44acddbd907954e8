"""Weights are averaged where the mean is better, and never where they have none."""

from __future__ import annotations

import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.errors import BadInput
from autosft.testing import toy
from autosft.testing.trials import make_trial, points_task, quick_recipe
from autosft.training.evaluation import evaluate
from autosft.training.loop import train
from autosft.training.soup import greedy_soup


@pytest.fixture
def trial(tmp_path):
    task = points_task(toy.make_points(tmp_path / "clouds.points.json", rows=120))
    return make_trial(tmp_path / "trial", task, toy.registry(Classification()), quick_recipe("toy", epochs=4))


@pytest.fixture
def model(trial, runtime):
    return train(trial, runtime, toy.ToyStrategy()).model


@pytest.fixture
def apart(model):
    """A function that gives good weights, moved by a random step or by its opposite."""
    good = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    draw = torch.Generator().manual_seed(0)
    steps = {name: torch.randn(tensor.shape, generator=draw) for name, tensor in good.items()}
    return lambda size: {name: tensor + size * steps[name] for name, tensor in good.items()}


def test_the_mean_of_two_that_err_in_opposite_ways_is_taken(trial, runtime, model, apart):
    good = apart(0.0)
    model.load_state_dict(apart(0.5))
    alone = evaluate(trial.parts, runtime, model, trial.valid)

    soup = greedy_soup(trial.parts, runtime, model, [lambda: apart(-0.5)], trial.valid)

    assert soup.taken == (0,) and soup.evaluation.score >= alone.score and soup.evaluation.loss < alone.loss
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, good[name])


def test_what_makes_it_worse_is_left_out_and_the_rest_is_tried(trial, runtime, model, apart):
    model.load_state_dict(apart(0.5))

    soup = greedy_soup(trial.parts, runtime, model, [lambda: apart(9.0), lambda: apart(-0.5)], trial.valid)

    assert soup.taken == (1,)


def test_without_a_better_mean_the_model_stays_as_it_was(trial, runtime, model, apart):
    before = evaluate(trial.parts, runtime, model, trial.valid)

    soup = greedy_soup(trial.parts, runtime, model, [lambda: apart(9.0)], trial.valid)

    assert soup.taken == () and soup.evaluation.loss == before.loss
    assert all(torch.equal(tensor, apart(0.0)[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("change", ["shape", "name"])
def test_weights_of_another_architecture_are_refused(trial, runtime, model, apart, change):
    name, tensor = next(iter(apart(0.0).items()))
    others = {"shape": {**apart(0.0), name: tensor[:1]}, "name": {**apart(0.0), "more": tensor}}

    with pytest.raises(BadInput, match="have no mean"):
        greedy_soup(trial.parts, runtime, model, [lambda: others[change]], trial.valid)

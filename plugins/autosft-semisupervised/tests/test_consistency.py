"""Consistency regularization: what is promised of every strategy, and that parts of a step add up to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from autosft.api import Fit, Stage
from autosft.builtin.classification import Classification
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import default_recipe, make_runtime, make_trial, points_task
from autosft.training.evaluation import evaluate
from autosft.training.model import build_model
from autosft_semisupervised.adamatch import AdaMatch
from autosft_semisupervised.fixmatch import FixMatch
from autosft_semisupervised.freematch import FreeMatch
from autosft_semisupervised.softmatch import SoftMatch


class TestFixMatch(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights, and the same average of them."""

    @pytest.fixture
    def strategy(self):
        return FixMatch()


class TestFreeMatch(StrategyConformance):
    """With the same thresholds too."""

    @pytest.fixture
    def strategy(self):
        return FreeMatch()


class TestSoftMatch(StrategyConformance):
    """With the same mean and variance too."""

    @pytest.fixture
    def strategy(self):
        return SoftMatch()


class TestAdaMatch(StrategyConformance):
    """With the same step and mean answers too."""

    @pytest.fixture
    def strategy(self):
        return AdaMatch()


@pytest.fixture
def prepared(tmp_path):
    """A function from a strategy to a trial on points, and to its stage with the head solved."""

    def make(strategy, **own):
        task = points_task(make_points(tmp_path / "clouds.points.json", rows=60))
        recipe = default_recipe(strategy, "tiny/wide")
        recipe = recipe.changed(own={**recipe.own, strategy.name: {**recipe.of(strategy.name), **own}})
        optim = recipe.optim.model_copy(update={"batch_size": 8})
        trial = make_trial(tmp_path / "trial", task, registry(Classification()), recipe.changed(optim=optim))
        runtime = make_runtime(trial)
        for part in strategy.stages(trial, runtime, build_model(trial.parts, runtime)):
            if isinstance(part, Fit):
                part.run()
            else:
                return trial, part
        raise AssertionError("it yields no stage")

    return make


def gradient(stage, parts, rows):
    """The loss of these parts of a step of so many rows, and its gradient."""
    stage.model.train()
    stage.model.zero_grad()
    total = torch.zeros(())
    for part in parts:
        loss = stage.loss(part) * (len(part) / rows)
        loss.backward()
        total += loss.detach()
    return total, torch.cat([parameter.grad.flatten() for parameter in stage.model.parameters()])


@pytest.fixture(params=[FixMatch(), SoftMatch(), AdaMatch()], ids=lambda strategy: strategy.name)
def divisible(request, prepared):
    """A function that gives the same stage anew, of a strategy that takes parts of steps."""
    own = {"threshold": 0.5} if request.param.name == "fixmatch" else {}
    return lambda: prepared(request.param, **own)[1]


def test_the_parts_of_a_step_add_up_to_it_and_what_it_tells_is_learned_once(divisible):
    whole, parted = divisible(), divisible()
    moved = torch.zeros(())
    for step in whole.batches.epoch(3):
        loss, moves = gradient(whole, [step], len(step))
        same_loss, same_moves = gradient(parted, step.split(5), len(step))
        torch.testing.assert_close(same_loss, loss)
        torch.testing.assert_close(same_moves, moves, rtol=1e-3, atol=1e-5)
        moved = moved + moves.abs().max()
    assert moved > 0
    torch.testing.assert_close(whole.keeps["weighting"].state_dict(), parted.keeps["weighting"].state_dict())


def test_two_processes_that_do_a_step_together_learn_the_same_from_it(divisible):
    whole, first, second = divisible(), divisible(), divisible()
    for step in whole.batches.epoch(3):
        loss, moves = gradient(whole, [step], len(step))
        done = [
            gradient(one, part.split(5), len(step)) for one, part in zip((first, second), step.parts(2), strict=True)
        ]
        torch.testing.assert_close(done[0][0] + done[1][0], loss)
        torch.testing.assert_close(done[0][1] + done[1][1], moves, rtol=1e-3, atol=1e-5)
    for one in (first, second):
        torch.testing.assert_close(one.keeps["weighting"].state_dict(), whole.keeps["weighting"].state_dict())


def test_fairness_needs_whole_batches_and_says_so(prepared):
    assert prepared(FreeMatch())[1].divisible == 0


def test_the_head_begins_as_logistic_regression(prepared):
    trial, stage = prepared(SoftMatch())
    assert evaluate(trial.parts, make_runtime(trial), stage.model, trial.train).score > 0.8


def test_an_encoder_from_scratch_is_trained_from_an_empty_head(prepared):
    trial, _ = prepared(SoftMatch())
    info = trial.parts.info.model_copy(update={"origin": "scratch"})
    trial = replace(trial, parts=replace(trial.parts, info=info))
    (only,) = SoftMatch().stages(trial, make_runtime(trial), build_model(trial.parts, make_runtime(trial)))
    assert isinstance(only, Stage)

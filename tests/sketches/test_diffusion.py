"""Proves problems whose answers are drawn and scored as a set: told apart by the score alone, and never averaged."""

from dataclasses import replace

import numpy as np
import pytest
from diffusion import Generation

from autosft.errors import BadInput
from autosft.testing.conformance.promises import check_equal
from autosft.testing.conformance.strategy import Killed
from autosft.testing.toy import ToyStrategy, make_points, registry
from autosft.testing.trials import make_trial, points_task, quick_recipe
from autosft.training.evaluation import evaluate
from autosft.training.loop import train
from autosft.training.model import build_model
from autosft.training.soup import greedy_soup


@pytest.fixture
def trial(tmp_path):
    path = make_points(tmp_path / "clouds.points.json", rows=200)
    task = points_task(path, problems=["generation"], targets=[("height", "breadth")])
    return make_trial(tmp_path / "trial", task, registry(Generation()), quick_recipe("toy", epochs=20))


def test_samples_come_nearer_to_what_is_true_and_are_the_same_again(trial, runtime):
    before = evaluate(trial.parts, runtime, build_model(trial.parts, runtime), trial.valid)
    trained = train(trial, runtime, ToyStrategy())
    after = trained.evaluation
    assert before.score < -0.5 < after.score < 0 and after.loss is None
    assert trained.best["toy"] == 1 + int(np.argmax([epoch.score for epoch in trained.epochs]))
    halves = evaluate(trial.parts, replace(runtime, micro_batch=7), trained.model, trial.valid)
    np.testing.assert_allclose(halves.outputs[0].arrays["samples"], after.outputs[0].arrays["samples"], rtol=1e-4)


def test_a_killed_trial_draws_the_same_noise_again(trial, runtime, tmp_path):
    def kill(_):
        raise Killed

    trial = replace(trial, replay={"toy": 3})
    whole, again = train(trial, runtime, ToyStrategy()), replace(trial, folder=tmp_path / "again")
    for _ in whole.epochs:
        with pytest.raises(Killed):
            train(again, runtime, ToyStrategy(), kill)
    check_equal(train(again, runtime, ToyStrategy()).model, whole.model)


def test_no_weights_are_averaged_where_answers_have_no_loss(trial, runtime):
    model = build_model(trial.parts, runtime)
    with pytest.raises(BadInput, match="have none"):
        greedy_soup(trial.parts, runtime, model, [model.state_dict], trial.valid)

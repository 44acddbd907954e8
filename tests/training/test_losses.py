"""The weights of rows count in training, whatever the problem and its loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.builtin import classification, multilabel, regression
from autosft.contracts.recipe import Regular
from autosft.contracts.tensors import Mixed
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.evaluation import evaluate
from autosft.training.loaders import Loader
from autosft.training.losses import supervised
from autosft.training.model import build_model

KINDS = [
    (problem, loss)
    for problem, losses in (
        (classification.Classification(), classification.LOSSES),
        (multilabel.MultiLabel(), multilabel.LOSSES),
        (regression.Regression(), regression.LOSSES),
    )
    for loss in losses
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind[1])
def trial(request, tmp_path):
    problem, loss = request.param
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=30), problems=[problem.name])
    recipe = quick_recipe("toy").changed(own={problem.name: {"loss": loss}})
    return make_trial(tmp_path / "trial", task, registry(problem), recipe)


def slopes(trial, model, batch):
    model.zero_grad()
    supervised(trial.parts, model)(batch).backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def test_a_row_of_weight_two_counts_as_two_rows_and_one_without_weight_not_at_all(trial, runtime):
    model = build_model(trial.parts, runtime)
    torch.nn.init.normal_(model.heads[0].linear.weight)
    batch = next(Loader(trial.parts, runtime, trial.train, batch_size=6).epoch())
    weighted = slopes(trial, model, replace(batch, weights=torch.tensor([2.0, 0.0, 1.0, 1.0, 0.0, 1.0])))
    repeated = slopes(trial, model, batch.take([0, 0, 2, 3, 5]))
    torch.testing.assert_close(6 * weighted, 5 * repeated, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(weighted, slopes(trial, model, batch), rtol=1e-2)
    assert not slopes(trial, model, replace(batch, weights=torch.zeros(6))).any()


def test_the_loss_of_validation_counts_weights_and_does_not_depend_on_what_a_model_was_trained_with(trial, runtime):
    model = build_model(trial.parts, runtime)
    plain = evaluate(trial.parts, runtime, model, trial.valid)
    smooth = trial.with_recipe(regular=Regular(label_smoothing=0.1, mixup=0.8))
    assert evaluate(smooth.parts, runtime, model, trial.valid).loss == plain.loss
    alone = trial.valid.with_columns(weight=3.0 * (np.arange(len(trial.valid)) == 1))
    losses = trial.parts.problems[0].validation_loss(plain.outputs[0], trial.valid.target(0), plain.states[0])
    assert evaluate(trial.parts, runtime, model, alone).loss == pytest.approx(losses[1])
    assert evaluate(trial.parts, runtime, model, trial.valid).loss == pytest.approx(losses.mean())


def test_rows_are_not_mixed_where_a_loss_is_of_a_whole_batch(tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=60))
    trial = make_trial(tmp_path / "trial", task, registry(classification.Classification()), quick_recipe("toy"))
    runtime = make_runtime(trial)

    class Whole(classification.Classification):
        loss_per_row = False

        def loss(self, out, targets, state, recipe):
            return super().loss(out, targets, state, recipe).sum()

        def normalizer(self, targets):
            return len(targets)

    parts = replace(trial.parts, problems=(Whole(),))
    model = build_model(parts, runtime)
    (batch, *_) = Loader(parts, runtime, trial.train).epoch()

    assert supervised(parts, model)(batch).item() == pytest.approx(supervised(trial.parts, model)(batch).item())
    with pytest.raises(TypeError, match="cannot be mixed"):
        supervised(parts, model)(replace(batch, mixed=Mixed(batch.targets, batch.weights, 0.5)))

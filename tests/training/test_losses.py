"""The weights of rows count in training, whatever the problem and its loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.builtin import classification, multilabel, regression
from autosft.contracts.recipe import Regular
from autosft.testing.job import make_job, points_task, quick_recipe
from autosft.testing.toy import make_points, registry
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
def job(request, tmp_path):
    problem, loss = request.param
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=30), problems=[problem.name])
    recipe = quick_recipe("toy").changed(own={problem.name: {"loss": loss}})
    return make_job(tmp_path / "trial", task, registry(problem), recipe)


def slopes(job, model, batch):
    model.zero_grad()
    supervised(job, model)(batch).backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def test_a_row_of_weight_two_counts_as_two_rows_and_one_without_weight_not_at_all(job):
    model = build_model(job)
    torch.nn.init.normal_(model.heads[0].linear.weight)
    batch = next(iter(Loader(job, job.train, batch_size=6)))
    weighted = slopes(job, model, replace(batch, weights=torch.tensor([2.0, 0.0, 1.0, 1.0, 0.0, 1.0])))
    repeated = slopes(job, model, batch.take([0, 0, 2, 3, 5]))
    torch.testing.assert_close(6 * weighted, 5 * repeated, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(weighted, slopes(job, model, batch), rtol=1e-2)
    assert not slopes(job, model, replace(batch, weights=torch.zeros(6))).any()


def test_the_loss_of_validation_counts_weights_and_does_not_depend_on_what_a_model_was_trained_with(job):
    model = build_model(job)
    plain = evaluate(job, model, job.valid)
    smooth = job.recipe.changed(regular=Regular(label_smoothing=0.1, mixup=0.8))
    assert evaluate(replace(job, recipe=smooth), model, job.valid).loss == plain.loss
    alone = replace(job.valid, weight=3.0 * (np.arange(len(job.valid)) == 1))
    losses = job.problems[0].deviance(plain.outputs[0], job.valid.target(0), plain.states[0])
    assert evaluate(job, model, alone).loss == pytest.approx(losses[1])
    assert evaluate(job, model, job.valid).loss == pytest.approx(losses.mean())

"""The weight of a row: in the loss, in proportion, whatever batch it falls into; not in the score."""

from __future__ import annotations

import pytest
import torch

from autosft.training.evaluation import evaluate
from autosft.training.loaders import Loader
from autosft.training.losses import supervised
from autosft.training.model import build_model


def weighted(rows, weights):
    return rows.with_weight(torch.tensor(weights, dtype=torch.float64).numpy())


def gradients_of(job, rows, batch_size):
    """The mean gradient over batches."""
    model = build_model(job)
    batches = list(Loader(job, rows, batch_size=batch_size))
    for batch in batches:
        (supervised(job, model)(batch) / len(batches)).backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def test_a_weight_of_2_is_as_good_as_a_second_row(job):
    rows = job.train[:12]
    twice = gradients_of(job, rows + rows[:4], 16)

    once = gradients_of(job, weighted(rows, [2.0] * 4 + [1.0] * 8), 12)
    torch.testing.assert_close(once * 12 / 16, twice)


def test_a_row_weighs_the_same_whatever_batch_it_falls_into(job):
    weights = [0.0, 0.0, 0.0, 0.0, 3.0, 0.5, 1.0, 1.0, 2.0, 2.0, 0.25, 2.25]
    rows = weighted(job.train[:12], weights)

    torch.testing.assert_close(gradients_of(job, rows, 4), gradients_of(job, rows, 12))


def test_weights_are_in_the_validation_loss_and_not_in_the_score(job):
    model = build_model(job)
    with torch.no_grad():
        model.heads[0].linear.weight.normal_(generator=torch.Generator().manual_seed(0))
    heavy = weighted(job.valid, [10.0] + [0.1] * (len(job.valid) - 1))

    plain, other = evaluate(job, model, job.valid), evaluate(job, model, heavy)
    assert plain.score == other.score and plain.loss != pytest.approx(other.loss)
    alone = evaluate(job, model, job.valid[:1])
    assert abs(other.loss - alone.loss) < abs(plain.loss - alone.loss)

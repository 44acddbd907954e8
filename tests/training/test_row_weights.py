"""The weight of a row: in the loss, in proportion, whatever batch it falls into; not in the score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autosft.training.evaluation import evaluate
from autosft.training.loaders import Loader
from autosft.training.losses import supervised
from autosft.training.model import build_model


def weighted(rows, weights):
    return rows.with_columns(weight=np.array(weights, dtype=np.float64))


def gradients_of(trial, runtime, rows, batch_size):
    """The mean gradient over batches."""
    model = build_model(trial.parts, runtime)
    batches = list(Loader(trial.parts, runtime, rows, batch_size=batch_size).epoch())
    for batch in batches:
        (supervised(trial.parts, model)(batch) / len(batches)).backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def test_a_weight_of_2_is_as_good_as_a_second_row(trial, runtime):
    rows = trial.train[:12]
    twice = gradients_of(trial, runtime, rows + rows[:4], 16)

    once = gradients_of(trial, runtime, weighted(rows, [2.0] * 4 + [1.0] * 8), 12)
    torch.testing.assert_close(once * 12 / 16, twice)


def test_a_row_weighs_the_same_whatever_batch_it_falls_into(trial, runtime):
    weights = [0.0, 0.0, 0.0, 0.0, 3.0, 0.5, 1.0, 1.0, 2.0, 2.0, 0.25, 2.25]
    rows = weighted(trial.train[:12], weights)

    torch.testing.assert_close(gradients_of(trial, runtime, rows, 4), gradients_of(trial, runtime, rows, 12))


def test_weights_are_in_the_validation_loss_and_not_in_the_score(trial, runtime):
    model = build_model(trial.parts, runtime)
    with torch.no_grad():
        model.heads[0].linear.weight.normal_(generator=torch.Generator().manual_seed(0))
    heavy = weighted(trial.valid, [10.0] + [0.1] * (len(trial.valid) - 1))

    plain, other = evaluate(trial.parts, runtime, model, trial.valid), evaluate(trial.parts, runtime, model, heavy)
    assert plain.score == other.score and plain.loss != pytest.approx(other.loss)
    alone = evaluate(trial.parts, runtime, model, trial.valid[:1])
    assert abs(other.loss - alone.loss) < abs(plain.loss - alone.loss)

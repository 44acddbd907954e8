"""Rows are answered many at once, fewer where memory runs out, and as many again where a trial goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.contracts.recipe import Optim
from autosft.contracts.tensors import Batch
from autosft.contracts.trial import EvalBatch
from autosft.testing.toy import ToyStrategy
from autosft.training import features
from autosft.training.device import ROWS_ON_CPU, eval_batch_for
from autosft.training.evaluation import answer
from autosft.training.features import encode
from autosft.training.loop import train
from autosft.training.model import build_model
from autosft.training.trained import Paused


@pytest.fixture
def model(trial, runtime):
    return build_model(trial.parts, runtime)


def crowded(model, most, sizes):
    """The encoder has no memory for more rows than this; how many it is given is noted."""

    def check(module, inputs):
        sizes.append(len(inputs[0]))
        if sizes[-1] > most and not torch.is_grad_enabled():
            raise torch.OutOfMemoryError

    return model.encoder.register_forward_pre_hook(check)


def test_rows_are_answered_at_once_however_few_a_recipe_trains_with(trial, runtime, model):
    sizes = []
    crowded(model, 100, sizes)
    parts = replace(trial.parts, recipe=trial.parts.recipe.changed(optim=Optim(batch_size=4)))
    answer(parts, replace(runtime, eval_batch=EvalBatch(40)), model, trial.train)
    assert sizes == [40, 5]


@pytest.mark.parametrize("most", [1, 5, 44])
def test_where_memory_runs_out_half_the_rows_are_answered_at_once_and_later_too(trial, runtime, model, most):
    torch.nn.init.normal_(model.heads[0].linear.weight)
    (expected,) = answer(trial.parts, runtime, model, trial.train)
    sizes = []
    crowded(model, most, sizes)
    runtime = replace(runtime, eval_batch=EvalBatch(64))

    (answered,) = answer(trial.parts, runtime, model, trial.train)

    assert runtime.eval_batch.rows == {1: 1, 5: 4, 44: 32}[most]
    np.testing.assert_allclose(answered.arrays["probabilities"], expected.arrays["probabilities"], atol=1e-6)
    sizes.clear()
    encode(trial.parts, runtime, model.encoder, trial.train)
    assert max(sizes) == runtime.eval_batch.rows


def test_where_no_row_fits_memory_has_run_out(trial, runtime, model):
    crowded(model, 0, [])
    with pytest.raises(torch.OutOfMemoryError):
        encode(trial.parts, runtime, model.encoder, trial.train)


def test_a_trial_that_goes_on_answers_as_many_rows_at_once_as_before(trial, runtime):
    def until(epochs, rows):
        there = replace(runtime, eval_batch=EvalBatch(rows))
        with pytest.raises(Paused):
            train(replace(trial, pause_after=epochs), there, ToyStrategy())
        return there.eval_batch.rows

    assert until(1, 4) == 4
    assert until(2, 32) == 4
    there = replace(runtime, eval_batch=EvalBatch(32))
    train(trial, there, ToyStrategy())
    assert there.eval_batch.rows == 4
    train(trial, replace(runtime, eval_batch=EvalBatch(32)), ToyStrategy())  # from the stage's last checkpoint


def test_no_more_rows_are_answered_at_once_than_fitted_while_training():
    assert eval_batch_for(torch.device("cpu")).rows == ROWS_ON_CPU
    assert eval_batch_for(torch.device("cpu"), micro_batch=8).rows == 8


def test_a_gpu_takes_more_rows_at_once_but_not_more_bytes(trial, runtime, monkeypatch):
    gpu = replace(runtime, device=torch.device("cuda"), eval_batch=eval_batch_for(torch.device("cuda")))
    assert gpu.eval_batch.rows > ROWS_ON_CPU
    monkeypatch.setattr(Batch, "pin_memory", lambda batch: batch)  # which takes a GPU
    monkeypatch.setattr(features, "BATCH_BYTES", 200)
    assert features.fitting(trial.parts, gpu, trial.train) == 200 // (4 * 4 + 4 + 8)

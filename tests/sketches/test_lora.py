"""Proves `finish`, and checkpoints that hold what is trained: LoRA (Hu et al., 2022)."""

import pytest
import torch
from lora import LoRA

from autosft.builtin.classification import Classification
from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import quick_recipe
from autosft.training.checkpoint import load_checkpoint
from autosft.training.loop import train
from autosft.training.model import build_model


class TestLoRA(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return LoRA()

    @pytest.fixture
    def recipe(self):
        return quick_recipe("lora").changed(own={"lora": {"rank": 2}})


def test_checkpoints_hold_the_adapter_and_the_model_is_an_ordinary_one(points_trial, runtime):
    trial = points_trial("lora", Classification(), backbone="tiny/wide").with_recipe(own={"lora": {"rank": 2}})

    model = train(trial, runtime, LoRA()).model

    held, plain = load_checkpoint(trial.folder / "stage-0.pt")["model"], build_model(trial.parts, runtime)
    assert all("parametrizations.weight.0." in name for name in held if name.startswith("encoder."))
    assert len(held) == 2 * 2 + 2
    assert sorted(model.state_dict()) == sorted(plain.state_dict())
    assert not torch.equal(model.encoder.first.weight, plain.encoder.first.weight)

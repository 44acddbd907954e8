"""`LinearProbeFineTune` keeps the contract, and begins where the probe ends."""

from dataclasses import replace

import pytest
import torch

from autosft.contracts.recipe import Stop
from autosft.testing.conformance import StrategyConformance
from autosft.testing.job import default_recipe
from autosft.training.loop import train
from autosft.training.model import build_model
from autosft_strategies.lpft import LinearProbeFineTune
from autosft_strategies.probe import Probe


class TestLinearProbeFineTune(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return LinearProbeFineTune()

    @pytest.fixture
    def recipe(self, strategy):
        return default_recipe(strategy, "toy/wide").changed(stop=Stop(max_epochs=4))

    def test_training_begins_with_the_probe_s_heads_and_leaves_nothing_frozen(self, strategy, job, tmp_path):
        probed = train(replace(job, folder=tmp_path / "probe"), Probe()).model
        model = build_model(job)
        strategy.fit(job, model)
        (stage,) = strategy.stages(job, model)
        for name, weights in model.heads.state_dict().items():
            assert torch.equal(weights, probed.heads.state_dict()[name])
        assert sum(len(group["params"]) for group in stage.parameters) == len(list(model.parameters()))

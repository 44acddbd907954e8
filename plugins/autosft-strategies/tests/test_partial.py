"""`Partial` keeps the contract, and changes the last blocks alone."""

import pytest
import torch

from autosft.contracts.recipe import Stop
from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import default_recipe
from autosft.training.loop import train
from autosft.training.model import build_model
from autosft_strategies.partial import Partial


class TestPartial(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return Partial()

    @pytest.fixture
    def recipe(self, strategy):
        return default_recipe(strategy, "tiny/wide").changed(stop=Stop(max_epochs=4))

    @pytest.mark.parametrize(("fraction", "same"), [(0.3, {"first"}), (1.0, set())])
    def test_the_fraction_of_blocks_nearest_to_the_output_learns(self, strategy, trial, runtime, fraction, same):
        trial = trial.with_recipe(own={"partial": {"fraction": fraction}})
        before, after = build_model(trial.parts, runtime).encoder, train(trial, runtime, strategy).model.encoder
        kept = {name for name, weights in before.state_dict().items() if torch.equal(weights, after.state_dict()[name])}
        assert {name.split(".")[0] for name in kept} == same

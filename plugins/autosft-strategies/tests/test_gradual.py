"""`Gradual` keeps the contract, and more of the encoder learns from stage to stage."""

import pytest

from autosft.contracts.recipe import Stop
from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import default_recipe
from autosft.training.model import build_model
from autosft_strategies.gradual import Gradual


class TestGradual(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return Gradual()

    @pytest.fixture
    def recipe(self, strategy):
        return default_recipe(strategy, "tiny/wide").changed(stop=Stop(max_epochs=4))

    @pytest.mark.parametrize(
        ("epochs", "steps", "stages"),
        [
            (6, 2, [("step-1", 1, 0), ("step-2", 1, 1), ("full", 4, 2)]),
            (3, 4, [("step-1", 1, 0), ("full", 2, 2)]),
            (1, 2, [("full", 1, 2)]),
        ],
    )
    def test_it_goes_from_the_heads_to_everything_in_the_recipe_s_epochs(
        self, strategy, trial, runtime, epochs, steps, stages
    ):
        trial = trial.with_recipe(stop=Stop(max_epochs=epochs), own={"gradual": {"steps": steps}})
        model = build_model(trial.parts, runtime)
        found = []
        for stage in strategy.stages(trial, runtime, model):
            blocks = {name.split(".")[0] for name, weights in model.encoder.named_parameters() if weights.requires_grad}
            found.append((stage.name, stage.epochs, len(blocks)))
        assert found == stages

"""`LinearProbeFineTune` keeps the contract, and begins where the probe ends."""

from dataclasses import replace

import pytest
import torch

from autosft.contracts.recipe import Regular, Stop
from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import default_recipe, with_values
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
        return default_recipe(strategy, "tiny/wide").changed(stop=Stop(max_epochs=4))

    def test_training_begins_with_the_probe_s_heads_and_leaves_nothing_frozen(self, strategy, trial, runtime, tmp_path):
        probed = train(replace(trial, folder=tmp_path / "probe"), runtime, Probe()).model
        model = build_model(trial.parts, runtime)
        fit, stage = strategy.stages(trial, runtime, model)
        fit.run()
        for name, weights in model.heads.state_dict().items():
            assert torch.equal(weights, probed.heads.state_dict()[name])
        assert sum(len(group["params"]) for group in stage.parameters) == len(list(model.parameters()))

    @pytest.mark.parametrize("balance", ["loss", "sampling"])
    def test_rare_classes_weigh_in_the_probe_as_they_will_in_training(
        self, strategy, trial, runtime, tmp_path, balance
    ):
        counts = trial.parts.states.problems[0].values["counts"]
        uneven = with_values(trial.parts.states.problems[0], counts=[max(counts), *(1 for _ in counts[1:])])
        states = replace(trial.parts.states, problems=(uneven,))
        trial = replace(trial, parts=replace(trial.parts, states=states))
        heads = {}
        for name in ("none", "loss", balance):
            one = replace(trial.with_recipe(regular=Regular(balance=name)), folder=tmp_path / name)
            model = build_model(one.parts, runtime)
            next(iter(strategy.stages(one, runtime, model))).run()
            heads[name] = torch.cat([weights.flatten() for weights in model.heads.state_dict().values()])
        assert torch.equal(heads[balance], heads["loss"]) and not torch.allclose(heads["loss"], heads["none"])

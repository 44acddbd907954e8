"""`BitFit` keeps the contract, and changes vectors alone."""

import pytest
import torch
from torch import nn

from autosft.api.tensors import Encoder, Model
from autosft.contracts.recipe import Stop
from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import default_recipe
from autosft.training.model import build_model
from autosft_strategies.bitfit import BitFit


class TestBitFit(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return BitFit()

    @pytest.fixture
    def recipe(self, strategy):
        return default_recipe(strategy, "tiny/wide").changed(stop=Stop(max_epochs=4))

    @pytest.mark.parametrize(
        ("what", "learns"),
        [
            ("biases and norms", {"attention.in_proj_bias", "attention.out_proj.bias", "norm.weight", "norm.bias"}),
            ("biases", {"attention.in_proj_bias", "attention.out_proj.bias", "norm.bias"}),
            ("norms", {"norm.weight", "norm.bias"}),
        ],
    )
    def test_what_is_asked_for_learns_and_no_matrix_does(self, strategy, trial, runtime, what, learns):
        encoder = Attention()
        model = Model(encoder, build_model(trial.parts, runtime).heads)
        trial = trial.with_recipe(own={"bitfit": {"what": what}})
        stages = strategy.stages(trial, runtime, model)
        trained = {id(parameter) for group in next(iter(stages)).parameters for parameter in group["params"]}
        assert {name for name, parameter in encoder.named_parameters() if id(parameter) in trained} == learns
        assert all(id(parameter) in trained for parameter in model.heads.parameters())


class Attention(Encoder):
    """A layer as transformers have it."""

    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, 4))
        self.attention, self.norm = nn.MultiheadAttention(4, 2), nn.LayerNorm(4)

    def forward(self, inputs):
        raise NotImplementedError

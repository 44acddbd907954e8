"""Proves `Fit` and `restore`: a model whose heads are replaced by what holds the training rows themselves.

k nearest neighbors (Cover and Hart, 1967) by cosine, weighted as in DINO (Caron et al., 2021).
"""

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize, one_hot

from autosft.builtin.classification import Classification
from autosft.contracts.strategy import Fit, Strategy
from autosft.testing.conformance import StrategyConformance
from autosft.testing.toy import registry
from autosft.training.features import encode
from autosft.training.loop import train

TEMPERATURE = 0.07


class Neighbors(nn.Module):
    """Log-probabilities from the classes of the `k` most similar of the kept rows."""

    def __init__(self, features, classes, k):
        super().__init__()
        self.register_buffer("features", features)
        self.register_buffer("classes", classes)
        self.register_buffer("k", k)

    def forward(self, encoded, target=None):
        similar, rows = (normalize(encoded["pooled"], dim=1) @ self.features.T).topk(int(self.k), dim=1)
        votes = (similar / TEMPERATURE).softmax(1).unsqueeze(2) * self.classes[rows]
        return votes.sum(1).clamp(min=1e-6).log()


class NearestNeighbors(Strategy):
    """Keep the encoded training rows, and let the nearest ones vote."""

    name = "neighbors"
    cheap = True

    def stages(self, trial, runtime, model):
        yield Fit("neighbors", lambda: self.keep(trial, runtime, model))

    def keep(self, trial, runtime, model):
        features = normalize(encode(trial.parts, runtime, model.encoder, trial.train), dim=1)
        k = torch.tensor(min(7, len(features)))
        for position, (problem, state) in enumerate(
            zip(trial.parts.problems, trial.parts.states.problems, strict=True)
        ):
            numbers = problem.encode(trial.train.target(position), state)
            classes = one_hot(numbers, len(state.values["classes"])).float()
            model.heads[position] = Neighbors(features.clone(), classes, k.clone())
        model.to(runtime.device)

    def restore(self, model, tensors):
        for position in range(len(model.heads)):
            kept = (tensors[f"heads.{position}.{name}"] for name in ("features", "classes", "k"))
            model.heads[position] = Neighbors(*(torch.empty_like(tensor) for tensor in kept))
        model.load_state_dict(tensors)


class TestNearestNeighbors(StrategyConformance):
    @pytest.fixture
    def strategy(self):
        return NearestNeighbors()


def test_kept_rows_travel_with_the_model(points_trial, runtime, bundled):
    trial = points_trial("neighbors", Classification())
    trained = train(trial, runtime, NearestNeighbors())
    assert trained.evaluation.score > 0.7 and trained.trained == 0
    parts = registry(Classification())
    parts.strategies["neighbors"] = NearestNeighbors()
    again = bundled(parts, (trial, trained)).outputs(trial.valid)[0]
    assert (again.arrays["probabilities"] == trained.evaluation.outputs[0].arrays["probabilities"]).all()

"""Parts with one defect each, put to their conformance classes. `test_broken_parts.py` runs them in another
process."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import nn

from autosft.builtin.classification import Classification
from autosft.builtin.regression import Regression
from autosft.contracts.graph import Graph
from autosft.contracts.space import Choice, Int
from autosft.contracts.state import State
from autosft.testing.conformance import (
    BackboneConformance,
    ModalityConformance,
    ProblemConformance,
    StrategyConformance,
)
from autosft.testing.toy import ToyFamily, ToyModality, ToyStrategy, make_points
from autosft.testing.toy_encoder import ToyEncoder

LABELS = ["a", "b", "a", "c", "b", "c", "a", "b"]
NUMBERS = [0.5, 2.25, 1.0, 0.0, 7.5, 2.0, 2.5, 12.0]


class OfFamily(BackboneConformance):
    """A toy family whose encoders, state or descriptions have a defect."""

    broken: type

    @pytest.fixture
    def family(self):
        return self.broken()

    @pytest.fixture
    def modality(self):
        return ToyModality()

    @pytest.fixture
    def data_path(self, tmp_path):
        return make_points(tmp_path / "clouds.points.json", rows=24)


class Narrow(ToyEncoder):
    def forward(self, inputs):
        return {"pooled": super().forward(inputs)["pooled"][:, :-1]}


class Double(ToyEncoder):
    def forward(self, inputs):
        return {"pooled": super().forward(inputs)["pooled"].double()}


class Crowded(ToyEncoder):
    def forward(self, inputs):
        pooled = super().forward(inputs)["pooled"]
        return {"pooled": pooled - pooled.mean(0)}


class Loose(ToyEncoder):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.scale = torch.ones(1)


def building(encoder):
    """A toy family that builds other encoders."""

    class Family(ToyFamily):
        def build(self, info, recipe, state, weights):
            super().build(info, recipe, state, weights)
            return encoder(state.values["numbers"], info.arguments["width"], "tanh")

    return Family


class TestNarrow(OfFamily):
    broken = building(Narrow)


class TestDouble(OfFamily):
    broken = building(Double)


class TestCrowded(OfFamily):
    broken = building(Crowded)


class TestLoose(OfFamily):
    broken = building(Loose)


class WholeGraph(nn.Module):
    def forward(self, inputs):
        return {"pooled": inputs.new_zeros(len(inputs), 8)}


class TestExported(OfFamily):
    class broken(ToyFamily):
        def build(self, info, recipe, state, weights):
            encoder = super().build(info, recipe, state, weights)
            encoder.graph = lambda: Graph(WholeGraph(), lambda inputs: {"inputs": inputs})
            return encoder


class TestNumberedPlaces(OfFamily):
    class broken(ToyFamily):
        def fit(self, info, rows, read, weights=None):
            return State({**super().fit(info, rows, read).values, "places": {1: "first"}})


class TestForgetful(OfFamily):
    class broken(ToyFamily):
        def fit(self, info, rows, read, weights=None):
            return State({**super().fit(info, rows, read).values, "drawn": random.SystemRandom().random()})


class TestOverstated(OfFamily):
    class broken(ToyFamily):
        def curated(self):
            return [replace_info(info, parameters=10**9) for info in super().curated()]


class TestUnbuilt(OfFamily):
    class broken(ToyFamily):
        space: ClassVar = {"activation": Choice(("tanh", "none"))}

        def build(self, info, recipe, state, weights):
            if recipe.of("tiny").get("activation") == "none":
                raise NotImplementedError("no activation")
            return super().build(info, recipe, state, weights)


def replace_info(info, **fields):
    return info.model_copy(update=fields)


class OfProblem(ProblemConformance):
    """A problem with a defect."""

    broken: type
    written = LABELS

    @pytest.fixture
    def problem(self):
        return self.broken()

    @pytest.fixture
    def targets(self):
        return self.written


class DeepProblem(Classification):
    def head(self, widths, state, recipe):
        return Deep(super().head(widths, state, recipe))


class Deep(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.head = head

    def forward(self, encoded, target=None):
        return self.head(encoded, target)


class TestDeep(OfProblem):
    broken = DeepProblem


class FlatProblem(Regression):
    def encode(self, targets, state):
        return super().encode(targets, state)[:, 0]

    def loss(self, out, targets, state, recipe):
        return super().loss(out, targets[:, None], state, recipe)


class TestFlat(OfProblem):
    broken, written = FlatProblem, NUMBERS


class MisnamedProblem(Classification):
    def classes(self, state):
        return dict(list(super().classes(state).items())[1:])


class TestMisnamed(OfProblem):
    broken = MisnamedProblem


class LiteralProblem(Classification):
    def score(self, metric, outputs, targets, state):
        places = {name: place for place, name in enumerate(state.values["classes"])}
        assert all(places[target] >= 0 for target in targets)
        return super().score(metric, outputs, targets, state)


class TestLiteral(OfProblem):
    broken = LiteralProblem


class RootedProblem(Classification):
    def __init__(self):
        self.key = lambda target: target


class TestRooted(OfProblem):
    broken = RootedProblem


class OfStrategy(StrategyConformance):
    """A strategy with a defect."""

    broken: type

    @pytest.fixture
    def strategy(self):
        return self.broken()


class ClassesOnly(ToyStrategy):
    def stages(self, trial, runtime, model):
        assert len(trial.parts.states.problems[0].values["classes"])
        yield from super().stages(trial, runtime, model)


class TestClassesOnly(OfStrategy):
    broken = ClassesOnly


class Weighty(ToyStrategy):
    def stages(self, trial, runtime, model):
        assert next(model.encoder.parameters()).requires_grad
        yield from super().stages(trial, runtime, model)


class TestWeighty(OfStrategy):
    broken = Weighty


class Divided(ToyStrategy):
    space: ClassVar = {**ToyStrategy.space, "parts": Int(0, 4, default=2)}

    def stages(self, trial, runtime, model):
        for stage in super().stages(trial, runtime, model):
            yield replace(stage, epochs=max(1, stage.epochs // int(trial.parts.recipe.of("toy")["parts"])))


class TestDivided(OfStrategy):
    broken = Divided


class OfModality(ModalityConformance):
    """A modality with a defect."""

    broken: type

    @pytest.fixture
    def modality(self):
        return self.broken()

    @pytest.fixture
    def data_path(self, tmp_path):
        return make_points(tmp_path / "clouds.points.json", rows=24)


class Careless(ToyModality):
    def view(self, inputs, recipe, state, *, strength):
        seen = super().view(inputs, recipe, state, strength=strength)

        def view(example, generator):
            example.inputs[:] = (example.inputs - state.arrays["mean"]) / state.arrays["scale"]
            return seen(example, generator)

        return view


class TestCareless(OfModality):
    broken = Careless


class Alike(ToyModality):
    def digest(self, row):
        return "the same"


class TestAlike(OfModality):
    broken = Alike

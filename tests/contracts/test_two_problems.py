"""Proves tasks of several problems: one encoder, a head and a target per problem, one answer for each."""

import json

import numpy as np
import pytest
from torch import tensor

from autosft.builtin.classification import Classification
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.state import State
from autosft.contracts.tensors import LinearHead
from autosft.testing.conformance import ProblemConformance
from autosft.testing.job import make_job, points_task, quick_recipe
from autosft.testing.toy import ToyStrategy, make_points, registry
from autosft.training.loop import train
from autosft_strategies.probe import Probe


class Number(Problem):
    """One number per row, by least squares on standardized targets."""

    name = "number"
    needs = frozenset({"pooled"})
    metrics = ("r2",)

    def fit(self, targets):
        return State({"mean": float(np.mean(targets)), "scale": float(np.std(targets)) or 1.0})

    def head(self, widths, state, recipe):
        return LinearHead(widths["pooled"], 1, recipe.regular.dropout)

    def encode(self, targets, state):
        return (tensor([float(target) for target in targets]) - state.values["mean"]) / state.values["scale"]

    def loss(self, out, targets, state, recipe):
        return (out[:, 0] - targets).square()

    def outputs(self, out, batch, state, model):
        values = out[:, 0].double().cpu().numpy() * state.values["scale"] + state.values["mean"]
        return Outputs(batch.rows, {"values": values})

    def decide(self, outputs, state):
        return outputs.arrays["values"].tolist()

    def score(self, metric, outputs, targets, state):
        truth = np.asarray(targets, dtype=float)
        return float(1 - np.square(outputs.arrays["values"] - truth).mean() / truth.var())


class TestNumber(ProblemConformance):
    @pytest.fixture
    def problem(self):
        return Number()

    @pytest.fixture
    def targets(self):
        return [1.0, 2.5, -3.0, 4.0, 0.0, 2.0]


@pytest.mark.parametrize("strategy", [ToyStrategy(), Probe()])
def test_two_problems_share_an_encoder(tmp_path, bundled, strategy):
    path = make_points(tmp_path / "clouds.points.json", rows=80)
    table = json.loads(path.read_text())
    for row in table["rows"]:
        row["height"] = 100 + 10 * row["x"][0]
    path.write_text(json.dumps(table))
    parts = registry(Classification(), Number())
    parts.strategies["probe"] = Probe()
    task = points_task(path, problems=["classification", "number"], targets=["label", "height"])
    job = make_job(tmp_path / "trial", task, parts, quick_recipe(strategy.name, backbone="toy/wide", epochs=6))
    trained = train(job, strategy)
    labels, heights = trained.evaluation.outputs
    scores = [
        problem.score(problem.metrics[0], outputs, job.valid.target(position), state)
        for position, (problem, outputs, state) in enumerate(
            zip(job.problems, (labels, heights), trained.evaluation.states, strict=True)
        )
    ]
    assert trained.evaluation.score == pytest.approx(np.mean(scores)) and min(scores) > 0.5
    answers = bundled(parts, (job, trained)).predict([row.ref for row in job.valid])
    expected = zip(
        *(p.decide(o, s) for p, o, s in zip(job.problems, (labels, heights), job.states.problems, strict=True)),
        strict=True,
    )
    assert answers == list(expected)

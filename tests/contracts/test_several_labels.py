"""Proves targets that are tuples and `Problem.tune`: several labels per row, with thresholds found on validation."""

import json

import numpy as np
import pytest
from torch import nn, tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.rows import Rows
from autosft.contracts.state import State
from autosft.contracts.tensors import LinearHead
from autosft.testing.conformance import ProblemConformance
from autosft.testing.job import make_job, points_task, quick_recipe
from autosft.testing.toy import ToyStrategy, registry
from autosft.training.loop import train

CUTS = np.linspace(0.05, 0.95, 19)


def _f1(truth, chosen):
    return 2 * (truth & chosen).sum() / max(1, truth.sum() + chosen.sum())


class SeveralLabels(Problem):
    name = "several_labels"
    needs = frozenset({"pooled"})
    metrics = ("f1_micro",)

    def fit(self, targets):
        labels = sorted({label for target in targets for label in target})
        return State({"labels": labels}, {"thresholds": np.full(len(labels), 0.5)})

    def head(self, widths, state, recipe) -> nn.Module:
        return LinearHead(widths["pooled"], len(state.values["labels"]), recipe.regular.dropout)

    def encode(self, targets, state):
        return tensor([[float(label in target) for label in state.values["labels"]] for target in targets])

    def loss(self, out, targets, state, recipe):
        return binary_cross_entropy_with_logits(out, targets, reduction="none").mean(1)

    def outputs(self, out, batch, state, model):
        return Outputs(batch.rows, {"probabilities": out.sigmoid().cpu().numpy()})

    def tune(self, outputs, targets, state):
        truth = self.encode(targets, state).numpy() > 0
        columns = zip(truth.T, outputs.arrays["probabilities"].T, strict=True)
        best = [max(CUTS, key=lambda cut, t=t, p=p: _f1(t, p > cut)) for t, p in columns]
        return State(state.values, {"thresholds": np.array(best)})

    def decide(self, outputs, state):
        chosen = outputs.arrays["probabilities"] > state.arrays["thresholds"]
        return [[label for label, yes in zip(state.values["labels"], row, strict=True) if yes] for row in chosen]

    def score(self, metric, outputs, targets, state):
        truth = self.encode(targets, state).numpy() > 0
        return float(_f1(truth, outputs.arrays["probabilities"] > state.arrays["thresholds"]))


class TestSeveralLabels(ProblemConformance):
    @pytest.fixture
    def problem(self):
        return SeveralLabels()

    @pytest.fixture
    def targets(self):
        return [("up",), ("up", "right"), (), ("right",), ("up",), ("right", "rare")]


def test_tuned_thresholds_travel_with_the_model(tmp_path, bundled):
    x = np.random.default_rng(0).normal(size=(80, 3))
    x[:, 2] -= 1.2  # a rare label, for which one half is the wrong threshold
    names = np.array(["up", "right", "rare"])
    rows = [{"x": point.tolist(), "labels": names[point > 0].tolist()} for point in x]
    path = tmp_path / "signs.points.json"
    path.write_text(json.dumps({"rows": rows}))
    parts, task = registry(SeveralLabels()), points_task(path, problems=["several_labels"], targets=["labels"])
    job = make_job(tmp_path / "trial", task, parts, quick_recipe("toy", epochs=4))
    assert all(isinstance(target, tuple) for target in job.train.target(0))
    assert Rows.from_plain(json.loads(json.dumps(job.train.plain()))).target(0) == job.train.target(0)
    trained = train(job, ToyStrategy())
    tuned = trained.evaluation.states[0].arrays["thresholds"]
    assert (tuned != 0.5).any()
    answers = trained.evaluation.outputs[0]
    halves = SeveralLabels().score("f1_micro", answers, job.valid.target(0), job.states.problems[0])
    assert trained.evaluation.score > halves > 0.5
    predictor = bundled(parts, (job, trained))
    expected = SeveralLabels().decide(answers, trained.evaluation.states[0])
    assert predictor.predict([row.ref for row in job.valid]) == expected

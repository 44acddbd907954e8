"""Proves tasks of several problems: one encoder, a head and a target per problem, one answer for each, by its name."""

import numpy as np
import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.regression import Regression
from autosft.testing.toy import ToyStrategy, make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.loop import train
from autosft_strategies.probe import Probe


@pytest.mark.parametrize("strategy", [ToyStrategy(), Probe()])
def test_two_problems_share_an_encoder(tmp_path, bundled, strategy):
    path = make_points(tmp_path / "clouds.points.json", rows=80)
    parts = registry(Classification(), Regression())
    parts.strategies["probe"] = Probe()
    task = points_task(path, problems=["classification", "regression"])
    trial = make_trial(tmp_path / "trial", task, parts, quick_recipe(strategy.name, backbone="tiny/wide", epochs=6))
    trained = train(trial, make_runtime(trial), strategy)
    labels, heights = trained.evaluation.outputs
    scores = [
        problem.score("", outputs, trial.valid.target(position), state)
        for position, (problem, outputs, state) in enumerate(
            zip(trial.parts.problems, (labels, heights), trained.evaluation.states, strict=True)
        )
    ]
    assert trained.evaluation.score == pytest.approx(np.mean(scores)) and min(scores) > 0.5
    predictor = bundled(parts, (trial, trained))
    answers = predictor.predict([row.ref for row in trial.valid])
    expected = zip(
        *(
            p.decide(o, s)
            for p, o, s in zip(trial.parts.problems, (labels, heights), trial.parts.states.problems, strict=True)
        ),
        strict=True,
    )
    assert [tuple(answer.values()) for answer in answers] == list(expected)
    assert list(predictor.columns([labels, heights])) == [f"label p({name})" for name in "abc"]
    score = predictor.score([labels, heights], trial.valid)
    assert score == pytest.approx(trained.evaluation.score)  # test rows are scored as validation rows are

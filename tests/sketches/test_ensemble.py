"""Proves members, weights and `Problem.combine`: two different backbones answer as one bundle."""

import numpy as np
import pytest

from autosft.builtin.classification import Classification
from autosft.contracts.problem import Outputs
from autosft.errors import BadInput
from autosft.testing.toy import ToyStrategy, registry
from autosft.training.loop import train
from autosft_strategies.probe import Probe


def test_a_bundle_of_two_backbones_answers_with_the_weighted_mean(points_trial, runtime, bundled):
    first = points_trial("probe", Classification(), backbone="tiny/narrow", trial=0)
    second = points_trial("toy", Classification(), backbone="tiny/wide", trial=1)
    trials = (first, train(first, runtime, Probe())), (second, train(second, runtime, ToyStrategy()))
    parts = registry(Classification())
    parts.strategies["probe"] = Probe()
    predictor = bundled(parts, *trials, weights=(0.25, 0.75))
    one, other = (trained.evaluation.outputs[0].arrays["probabilities"] for _, trained in trials)
    assert np.abs(one - other).max() > 0.01
    answers = predictor.outputs(first.valid)[0]
    np.testing.assert_allclose(answers.arrays["probabilities"], 0.25 * one + 0.75 * other, rtol=1e-6)
    assert predictor.predict([list(row.ref) for row in first.valid]) == [
        predictor.classes_[number] for number in answers.arrays["probabilities"].argmax(1)
    ]


def test_answers_that_differ_in_length_have_no_mean():
    answers = Outputs(items=("abc",))
    assert Classification().combine([answers], [1.0]).items == ("abc",)
    with pytest.raises(BadInput, match="single model"):
        Classification().combine([answers, answers], [0.5, 0.5])

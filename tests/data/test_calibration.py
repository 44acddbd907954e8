"""Confidence and accuracy are compared by one rule, which is scikit-learn's, wherever it is asked."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from autosft.builtin.classification import Classification
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Row, Rows
from autosft.data.calibration import BINS, calibration_error, reliability
from autosft.report.diagnosis.answers import Answers
from autosft.report.diagnosis.classes import diagnose_classes


def answers(count):
    draw = np.random.default_rng(2)
    confidence = draw.beta(3, 1, count)
    return confidence, draw.random(count) < confidence**2


@pytest.mark.parametrize("count", [7, 200, 5000])
def test_the_bins_are_those_of_scikit_learn(count):
    confidence, right = answers(count)
    found = reliability(confidence, right)
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS, pos_label=True)
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, mean)
    assert found.counts.sum() == count


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it():
    edges = np.arange(1, BINS + 1) / BINS
    found = reliability(np.append(edges, 0.0), np.ones(BINS + 1, dtype=bool))
    assert found.counts.tolist() == [2, *[1] * (BINS - 1)]


def test_the_error_is_the_mean_gap_weighted_by_the_answers_of_each_bin():
    confidence, right = answers(300)
    found = reliability(confidence, right)
    expected = np.average(np.abs(found.confidence - found.accuracy), weights=found.counts)
    assert calibration_error(confidence, right) == pytest.approx(expected)
    assert calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro"])
def test_the_report_and_the_metric_say_the_same(metric):
    problem, draw = Classification(), np.random.default_rng(5)
    targets = [f"c{number}" for number in draw.choice(4, 300, p=[0.6, 0.3, 0.06, 0.04])]
    outputs = Outputs({"probabilities": draw.dirichlet(np.ones(4), 300).astype(np.float32)})
    state = problem.tune(metric, outputs, targets, problem.fit(targets))  # which may prefer rare classes
    rows = Rows.of(Row(f"row-{n}", n, (target,)) for n, target in enumerate(targets))

    found = diagnose_classes(Answers(problem, "valid", rows, targets, outputs, state)).calibration

    assert found.error == pytest.approx(-problem.score("neg_expected_calibration_error", outputs, targets, state))

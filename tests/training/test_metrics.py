"""Scores are scikit-learn's, and a class that the model does not know is always wrong."""

import numpy as np
import pytest
from sklearn import metrics

from autosft.training.metrics import CLASSIFICATION, classification_score


@pytest.fixture
def answers():
    draw = np.random.default_rng(3)
    truth = draw.integers(0, 4, 60)
    probabilities = draw.dirichlet(np.ones(4), 60)
    probabilities[np.arange(60), truth] += 0.3
    return truth, probabilities / probabilities.sum(1, keepdims=True)


def test_scores_equal_scikit_learn_s(answers):
    truth, probabilities = answers
    predicted = probabilities.argmax(1)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
        "neg_log_loss": -metrics.log_loss(truth, probabilities),
        "roc_auc_ovr": metrics.roc_auc_score(truth, probabilities, multi_class="ovr"),
    }
    assert set(expected) == set(CLASSIFICATION)
    for name, value in expected.items():
        assert classification_score(name, truth, probabilities) == pytest.approx(value), name


def test_two_classes_equal_scikit_learn_s():
    truth, probabilities = np.array([0, 1, 1, 0, 1]), np.array([0.1, 0.8, 0.4, 0.6, 0.9])
    both = np.stack([1 - probabilities, probabilities], axis=1)
    assert classification_score("roc_auc_ovr", truth, both) == pytest.approx(
        metrics.roc_auc_score(truth, probabilities)
    )


@pytest.mark.parametrize("metric", CLASSIFICATION)
def test_an_unknown_class_never_helps(answers, metric):
    truth, probabilities = answers
    unknown = truth.copy()
    unknown[probabilities.argmax(1) == truth] = -1  # every row that was right
    score = classification_score(metric, unknown, probabilities)
    assert np.isfinite(score) and score < classification_score(metric, truth, probabilities)


@pytest.mark.parametrize(
    ("metric", "value"),
    [("accuracy", 0.5), ("balanced_accuracy", 0.5), ("f1_macro", (2 / 3) / 2), ("neg_log_loss", None)],
)
def test_an_unknown_class_counts_as_wrong(metric, value):
    truth, probabilities = np.array([0, -1]), np.array([[1.0, 0.0], [1.0, 0.0]])
    if value is None:
        value = np.log(np.finfo(np.float32).eps) / 2
    assert classification_score(metric, truth, probabilities) == pytest.approx(value)


@pytest.mark.parametrize("metric", CLASSIFICATION)
def test_classes_without_rows_and_rows_without_classes_give_a_number(metric):
    even = np.full((2, 3), 1 / 3)
    assert np.isfinite(classification_score(metric, np.array([1, 1]), even))
    assert np.isfinite(classification_score(metric, np.array([-1, -1]), even))

"""Scores are scikit-learn's, and a class that the model does not know is always wrong."""

import numpy as np
import pytest
from sklearn import metrics

from autosft.training.metrics import (
    CLASSIFICATION,
    MULTILABEL,
    REGRESSION,
    classification_score,
    multilabel_score,
    regression_score,
)


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


@pytest.fixture
def labels():
    draw = np.random.default_rng(4)
    truth = draw.random((80, 5)) < [0.5, 0.3, 0.2, 0.1, 0.05]
    probabilities = np.clip(0.3 * truth + draw.random((80, 5)), 0, 1).round(1)  # with ties
    return truth, probabilities >= 0.7, probabilities


def test_scores_of_several_labels_equal_scikit_learn_s(labels):
    truth, given, probabilities = labels
    expected = {
        "f1_micro": metrics.f1_score(truth, given, average="micro"),
        "f1_macro": metrics.f1_score(truth, given, average="macro"),
        "average_precision": metrics.average_precision_score(truth, probabilities),
        "accuracy": metrics.accuracy_score(truth, given),
        "neg_hamming_loss": -metrics.hamming_loss(truth, given),
    }
    assert set(expected) == set(MULTILABEL)
    for name, value in expected.items():
        assert multilabel_score(name, truth, given, probabilities) == pytest.approx(value), name


def test_labels_without_rows_have_no_part_in_a_mean_over_labels(labels):
    truth, given, probabilities = labels
    more = [np.pad(array, ((0, 0), (0, 2))) for array in labels]
    for metric in ("f1_macro", "average_precision"):
        assert multilabel_score(metric, *more) == multilabel_score(metric, truth, given, probabilities)
    more[1][0, 6] = True  # given where it never is true
    assert multilabel_score("f1_macro", *more) < multilabel_score("f1_macro", truth, given, probabilities)


@pytest.mark.parametrize("metric", MULTILABEL)
def test_rows_without_labels_give_a_number(metric):
    none = np.zeros((3, 2), dtype=bool)
    assert np.isfinite(multilabel_score(metric, none, none, np.zeros((3, 2))))


@pytest.mark.parametrize("targets", [1, 3])
def test_scores_of_numbers_equal_scikit_learn_s(targets):
    draw = np.random.default_rng(5)
    truth = draw.normal(size=(40, targets)) * [1.0, 10.0, 100.0][:targets]
    values = truth + draw.normal(size=truth.shape)
    expected = {
        "r2": metrics.r2_score(truth, values),
        "neg_root_mean_squared_error": -metrics.root_mean_squared_error(truth, values),
        "neg_mean_absolute_error": -metrics.mean_absolute_error(truth, values),
        "neg_mean_absolute_percentage_error": -metrics.mean_absolute_percentage_error(truth, values),
    }
    assert set(expected) == set(REGRESSION)
    for name, value in expected.items():
        assert regression_score(name, truth, values) == pytest.approx(value), name


@pytest.mark.parametrize("metric", REGRESSION)
@pytest.mark.parametrize("rows", [1, 3])
def test_a_truth_that_is_one_number_throughout_gives_a_number(metric, rows):
    truth = np.zeros((rows, 1))
    assert np.isfinite(regression_score(metric, truth, truth + 1))
    assert regression_score(metric, truth, truth) == (1.0 if metric == "r2" else 0.0)


@pytest.mark.parametrize("metric", REGRESSION)
def test_answers_that_are_not_finite_score_minus_infinity(metric):
    assert regression_score(metric, np.ones((2, 1)), np.array([[1.0], [np.nan]])) == -np.inf

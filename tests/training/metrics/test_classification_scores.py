"""Scores of classes are scikit-learn's, and a class that the model does not know is always wrong."""

import warnings

import numpy as np
import pytest
from sklearn import metrics

from autosft.data.calibration import BINS
from autosft.training.metrics import CLASSIFICATION
from autosft.training.metrics.classification import TOP


def classification_score(metric, truth, probabilities):
    compared = {"truth": truth, "answered": probabilities.argmax(1), "probabilities": probabilities}
    return CLASSIFICATION[metric].score(compared)


def answers_of(classes, rows=60, *, grid=False):
    draw = np.random.default_rng(3)
    truth = draw.integers(0, classes, rows)
    probabilities = draw.dirichlet(np.ones(classes), rows)
    probabilities[np.arange(rows), truth] += 0.3
    if grid:  # with ties
        probabilities = probabilities.round(1) + 0.1
    return truth, probabilities / probabilities.sum(1, keepdims=True)


@pytest.fixture
def answers():
    return answers_of(4)


def expected(truth, probabilities):
    """What scikit-learn says, for the metrics that it has."""
    predicted, labels = probabilities.argmax(1), np.arange(probabilities.shape[1])
    binary = probabilities.shape[1] == 2
    scores = probabilities[:, 1] if binary else probabilities
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a perfect score where there are no more classes than k
        return {
            "accuracy": metrics.accuracy_score(truth, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
            "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
            "f1_micro": metrics.f1_score(truth, predicted, average="micro"),
            "f1_weighted": metrics.f1_score(truth, predicted, average="weighted"),
            "precision_macro": metrics.precision_score(truth, predicted, average="macro"),
            "recall_macro": metrics.recall_score(truth, predicted, average="macro"),
            "neg_log_loss": -metrics.log_loss(truth, probabilities, labels=labels),
            "neg_brier_score": -metrics.brier_score_loss(truth, probabilities, labels=labels),
            "roc_auc_ovr": metrics.roc_auc_score(truth, scores, multi_class="ovr"),
            "average_precision": metrics.average_precision_score(truth, scores),
            "top_k_accuracy": metrics.top_k_accuracy_score(truth, scores, k=TOP, labels=labels),
            "cohen_kappa": metrics.cohen_kappa_score(truth, predicted),
            "cohen_kappa_quadratic": metrics.cohen_kappa_score(truth, predicted, weights="quadratic"),
            "matthews_corrcoef": metrics.matthews_corrcoef(truth, predicted),
        }


@pytest.mark.parametrize("rows", [60, 2000])
@pytest.mark.parametrize(("classes", "grid"), [(2, False), (2, True), (4, False), (7, False), (7, True)])
def test_scores_equal_scikit_learn_s_on_the_fast_path_too(classes, grid, rows):
    truth, probabilities = answers_of(classes, rows, grid=grid)
    known = expected(truth, probabilities)
    assert set(CLASSIFICATION) - set(known) == {"neg_expected_calibration_error"}
    for name, value in known.items():
        assert classification_score(name, truth, probabilities) == pytest.approx(value), name


def test_a_class_that_is_answered_but_never_true_counts_as_in_scikit_learn():
    truth, probabilities = answers_of(4)
    truth = np.where(truth == 3, 0, truth)
    predicted = probabilities.argmax(1)
    assert 3 in predicted
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("f1_macro", "f1_weighted", "precision_macro", "recall_macro"):
            score, average = name.split("_")
            value = getattr(metrics, f"{score}_score")(truth, predicted, average=average)
            assert classification_score(name, truth, probabilities) == pytest.approx(value), name


def test_the_calibration_error_is_the_gap_of_each_bin_by_its_rows():
    truth, probabilities = answers_of(5, rows=400)
    highest, right = probabilities.max(1), probabilities.argmax(1) == truth
    gap = 0.0
    for low in np.arange(BINS) / BINS:
        inside = (highest > low) & (highest <= low + 1 / BINS)
        gap += abs(highest[inside].sum() - right[inside].sum()) / len(truth)
    assert classification_score("neg_expected_calibration_error", truth, probabilities) == pytest.approx(-gap)
    sure = np.eye(3)[[0, 1, 2, 2]]
    assert classification_score("neg_expected_calibration_error", np.array([0, 1, 2, 2]), sure) == 0.0


@pytest.mark.parametrize("metric", CLASSIFICATION)
def test_an_unknown_class_never_helps(metric):
    truth, probabilities = answers_of(7)
    unknown = truth.copy()
    unknown[probabilities.argmax(1) == truth] = -1  # every row that was right
    score = classification_score(metric, unknown, probabilities)
    assert np.isfinite(score) and score < classification_score(metric, truth, probabilities)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("accuracy", 0.5),
        ("balanced_accuracy", 0.5),
        ("f1_macro", (2 / 3) / 2),
        ("neg_log_loss", np.log(np.finfo(np.float32).eps) / 2),
        ("neg_brier_score", -0.5),
        ("top_k_accuracy", 0.5),
        ("neg_expected_calibration_error", -0.5),
    ],
)
def test_an_unknown_class_counts_as_wrong(metric, value):
    truth, probabilities = np.array([0, -1]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert classification_score(metric, truth, probabilities) == pytest.approx(value)


@pytest.mark.parametrize("metric", CLASSIFICATION)
def test_classes_without_rows_and_rows_without_classes_give_a_number(metric):
    even = np.full((2, 3), 1 / 3)
    assert np.isfinite(classification_score(metric, np.array([1, 1]), even))
    assert np.isfinite(classification_score(metric, np.array([-1, -1]), even))

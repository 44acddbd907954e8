"""A search ends at the highest score: answers that are all right have it, and no others come near."""

import numpy as np
import pytest

from autosft.training.metrics import (
    CLASSIFICATION,
    MULTILABEL,
    REGRESSION,
    classification_score,
    multilabel_score,
    regression_score,
)


@pytest.mark.parametrize("metric", CLASSIFICATION)
@pytest.mark.parametrize("classes", [2, 7])
def test_of_classes(metric, classes):
    truth = np.arange(3 * classes) % classes
    sure, highest = np.eye(classes), CLASSIFICATION[metric].highest
    assert classification_score(metric, truth, sure[truth]) == pytest.approx(highest)
    wrong = classification_score(metric, truth, sure[np.where(truth == 0, 1, truth)])
    assert wrong < highest or (metric, classes) == ("top_k_accuracy", 2)


@pytest.mark.parametrize("metric", MULTILABEL)
def test_of_several_labels(metric):
    truth, highest = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 0, 0]], dtype=bool), MULTILABEL[metric].highest
    assert multilabel_score(metric, truth, truth, truth.astype(float)) == highest
    assert multilabel_score(metric, truth, truth[::-1], truth[::-1].astype(float)) < highest


@pytest.mark.parametrize("metric", REGRESSION)
def test_of_numbers(metric):
    truth, highest = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 9.0]]), REGRESSION[metric].highest
    assert regression_score(metric, truth, truth) == pytest.approx(highest)
    assert regression_score(metric, truth, truth[::-1]) < highest


def test_each_is_said_in_one_line():
    lines = [metric.about for table in (CLASSIFICATION, MULTILABEL, REGRESSION) for metric in table.values()]
    assert all(line and "\n" not in line and not line.endswith(".") for line in lines)

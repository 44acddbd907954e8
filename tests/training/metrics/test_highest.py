"""A search ends at the highest score: answers that are all right have it, and no others come near."""

import numpy as np
import pytest

from autosft.training.metrics import CLASSIFICATION, MULTILABEL, REGRESSION


@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("classes", [2, 7])
def test_of_classes(name, classes):
    truth, metric = np.arange(3 * classes) % classes, CLASSIFICATION[name]
    scores = [
        metric.score({"truth": truth, "answered": answered, "probabilities": np.eye(classes)[answered]})
        for answered in (truth, np.where(truth == 0, 1, truth))
    ]
    assert scores[0] == pytest.approx(metric.highest)
    assert scores[1] < metric.highest or (name, classes) == ("top_k_accuracy", 2)


@pytest.mark.parametrize("name", MULTILABEL)
def test_of_several_labels(name):
    truth, metric = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 0, 0]], dtype=bool), MULTILABEL[name]
    scores = [
        metric.score({"truth": truth, "answered": answered, "probabilities": answered.astype(float)})
        for answered in (truth, truth[::-1])
    ]
    assert scores[1] < scores[0] == metric.highest


@pytest.mark.parametrize("name", REGRESSION)
def test_of_numbers(name):
    truth, metric = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 9.0]]), REGRESSION[name]
    assert metric.score({"truth": truth, "answered": truth}) == pytest.approx(metric.highest)
    assert metric.score({"truth": truth, "answered": truth[::-1]}) < metric.highest


def test_each_is_said_in_one_line():
    lines = [metric.about for table in (CLASSIFICATION, MULTILABEL, REGRESSION) for metric in table.values()]
    assert all(line and "\n" not in line and not line.endswith(".") for line in lines)

"""Scores of several labels are scikit-learn's, but that labels which do not occur have no part in a mean."""

import numpy as np
import pytest
from sklearn import metrics

from autosft.training.metrics import MULTILABEL


def multilabel_score(metric, truth, answered, probabilities):
    return MULTILABEL[metric].score({"truth": truth, "answered": answered, "probabilities": probabilities})


@pytest.fixture
def labels():
    draw = np.random.default_rng(4)
    truth = draw.random((80, 5)) < [0.5, 0.3, 0.2, 0.1, 0.05]
    truth[:, 0] |= ~truth.any(1)  # of a row without any, scikit-learn warns
    probabilities = np.clip(0.3 * truth + draw.random((80, 5)), 0, 1).round(1)  # with ties
    return truth, probabilities >= 0.7, probabilities


def test_scores_of_several_labels_equal_scikit_learn_s(labels):
    truth, predicted, probabilities = labels
    averages = ("micro", "macro", "samples")
    expected = {
        **{f"f1_{average}": metrics.f1_score(truth, predicted, average=average) for average in averages},
        **{f"jaccard_{average}": metrics.jaccard_score(truth, predicted, average=average) for average in averages},
        "average_precision": metrics.average_precision_score(truth, probabilities),
        "roc_auc": metrics.roc_auc_score(truth, probabilities),
        "accuracy": metrics.accuracy_score(truth, predicted),
        "neg_hamming_loss": -metrics.hamming_loss(truth, predicted),
    }
    assert set(expected) == set(MULTILABEL)
    for name, value in expected.items():
        assert multilabel_score(name, truth, predicted, probabilities) == pytest.approx(value), name


def test_labels_without_rows_have_no_part_in_a_mean_over_labels(labels):
    truth, predicted, probabilities = labels
    more = [np.pad(array, ((0, 0), (0, 2))) for array in labels]
    for metric in ("f1_macro", "jaccard_macro", "average_precision", "roc_auc"):
        assert multilabel_score(metric, *more) == multilabel_score(metric, truth, predicted, probabilities)
    more[1][0, 6] = True  # given where it never is true
    for metric in ("f1_macro", "jaccard_macro"):
        assert multilabel_score(metric, *more) < multilabel_score(metric, truth, predicted, probabilities)


@pytest.mark.parametrize("metric", MULTILABEL)
def test_rows_without_labels_give_a_number(metric):
    none = np.zeros((3, 2), dtype=bool)
    assert np.isfinite(multilabel_score(metric, none, none, np.zeros((3, 2))))

"""Named scores, by scikit-learn's names and with its values; higher is always better.

What a bootstrap asks for thousands of times, over many labels, is computed here for all labels at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]

CLASSIFICATION = ("accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss", "roc_auc_ovr")
MULTILABEL = ("f1_micro", "f1_macro", "average_precision", "accuracy", "neg_hamming_loss")
REGRESSION = ("r2", "neg_root_mean_squared_error", "neg_mean_absolute_error", "neg_mean_absolute_percentage_error")


def classification_score(metric: str, truth: Ints, probabilities: Floats) -> float:
    """Score probabilities against true classes.

    Args:
        metric: One of `CLASSIFICATION`.
        truth: Class numbers, shape (rows,); -1 for a class that the model does not know, which is always wrong.
        probabilities: Shape (rows, classes).
    """
    from sklearn import metrics

    predicted = probabilities.argmax(1)
    if metric == "accuracy":
        return float(metrics.accuracy_score(truth, predicted))
    if metric == "balanced_accuracy":
        recalls = [float((predicted[truth == label] == label).mean()) for label in np.unique(truth)]
        return float(np.mean(recalls))
    if metric == "f1_macro":
        labels = np.unique(truth)
        zero: Any = 0  # scikit-learn's annotation forgets that numbers are allowed
        return float(metrics.f1_score(truth, predicted, average="macro", labels=labels, zero_division=zero))
    known = truth >= 0
    if metric == "neg_log_loss":
        chosen = np.where(known, probabilities[np.arange(len(truth)), truth], 0.0)
        return float(np.log(np.clip(chosen, np.finfo(np.float32).eps, 1.0)).mean())
    return _area_ovr(truth, probabilities)


def _area_ovr(truth: Ints, probabilities: Floats) -> float:
    """The mean area under the ROC curve, one class against the rest, over the classes that occur in `truth` with and
    without; from ranks (Mann and Whitney, 1947). 0.5 if there is none."""
    from scipy.stats import rankdata

    labels = np.unique(truth[truth >= 0])
    if not len(labels) or (truth == labels[0]).all():
        return 0.5
    positive = truth[:, None] == labels
    count = positive.sum(0)
    ranks = np.where(positive, rankdata(probabilities[:, labels], axis=0), 0.0).sum(0)
    return float(((ranks - count * (count + 1) / 2) / (count * (len(truth) - count))).mean())


def multilabel_score(metric: str, truth: Bools, given: Bools, probabilities: Floats) -> float:
    """Score sets of labels, or the probabilities of labels.

    Args:
        metric: One of `MULTILABEL`. `"f1_macro"` is the mean over the labels that are true or given somewhere,
            `"average_precision"` over those that are true somewhere; `"accuracy"` is the share of rows whose labels are
            all right.
        truth: Which labels a row has, shape (rows, labels).
        given: Which labels it was given, of the same shape.
        probabilities: Of the same shape.
    """
    if metric == "accuracy":
        return float((truth == given).all(1).mean())
    if metric == "neg_hamming_loss":
        return -float((truth != given).mean())
    if metric == "average_precision":
        areas = _average_precisions(truth, probabilities)
        return float(areas.mean()) if len(areas) else 0.0
    hits, counts = (truth & given).sum(0), truth.sum(0) + given.sum(0)
    if not counts.any():
        return 0.0
    if metric == "f1_micro":
        return float(2 * hits.sum() / counts.sum())
    return float((2 * hits[counts > 0] / counts[counts > 0]).mean())


def _average_precisions(truth: Bools, probabilities: Floats) -> Floats:
    """The area under the precision-recall curve, step by step, of each label that is true somewhere."""
    truth, probabilities = truth[:, truth.any(0)], probabilities[:, truth.any(0)]
    order = np.argsort(-probabilities, axis=0, kind="stable")
    hits, sorted_ = (np.take_along_axis(array, order, axis=0) for array in (truth, probabilities))
    rows = np.arange(len(truth))[:, None]
    # Rows of equal probability are one step: they share the precision at the last of them.
    ends = np.where(np.diff(sorted_, axis=0, append=-np.inf) < 0, rows, len(truth))
    ends = np.minimum.accumulate(ends[::-1], axis=0)[::-1]
    precision = np.take_along_axis(hits.cumsum(0) / (rows + 1), ends, axis=0)
    return (precision * hits).sum(0) / hits.sum(0)


def regression_score(metric: str, truth: Floats, values: Floats) -> float:
    """Score numbers; of several targets, the mean over targets of each target's score.

    Args:
        metric: One of `REGRESSION`. Where the truth is one number throughout, `"r2"` is 1 if all is right, else 0. The
            percentage error is a share, and enormous where a truth is zero.
        truth: Shape (rows, targets).
        values: What was answered, of the same shape; if it is not finite the score is minus infinity.
    """
    from sklearn import metrics

    if not np.isfinite(values).all():
        return -np.inf
    if metric == "neg_root_mean_squared_error":
        return -float(metrics.root_mean_squared_error(truth, values))
    if metric == "neg_mean_absolute_error":
        return -float(metrics.mean_absolute_error(truth, values))
    if metric == "neg_mean_absolute_percentage_error":
        return -float(metrics.mean_absolute_percentage_error(truth, values))
    if len(truth) == 1:
        return float((truth == values).mean())
    return float(metrics.r2_score(truth, values))

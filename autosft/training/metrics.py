"""Named scores over scikit-learn, by scikit-learn's names; higher is always better."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]

CLASSIFICATION = ("accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss", "roc_auc_ovr")


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
    # One against the rest, over the classes that occur in `truth` with and without.
    areas = [
        float(metrics.roc_auc_score(truth == label, probabilities[:, label]))
        for label in np.unique(truth[known])
        if 0 < (truth == label).sum() < len(truth)
    ]
    return float(np.mean(areas)) if areas else 0.5

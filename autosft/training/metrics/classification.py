"""Scores of classes: from the most probable class, or from the probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import numpy as np

from autosft.training.metrics.metric import Bools, Floats, Ints, Metric, average_precisions, ratio, roc_areas

TOP = 2
"""As many as scikit-learn's scorer of that name takes."""

BINS = 15
"""As many as Guo et al. (2017) take."""


def classification_score(metric: str, truth: Ints, probabilities: Floats) -> float:
    """Score probabilities against true classes.

    Args:
        metric: One of `CLASSIFICATION`.
        truth: Class numbers, shape (rows,); -1 for a class that the model does not know, which is always wrong.
        probabilities: Shape (rows, classes).
    """
    return float(CLASSIFICATION[metric].score(truth, probabilities))


@final
class _Confusion:
    """How often each class (the last stands for those that the model does not know) was answered with each.

    Attributes:
        table: Counts, shape (classes + 1, classes + 1), by true and answered class.
        right: How often each class was answered rightly.
        true: How often each class was true.
        answered: How often each class was answered.
        seen: Which classes were true or answered at all; means over classes are over these.
    """

    def __init__(self, truth: Ints, probabilities: Floats) -> None:
        classes = probabilities.shape[1] + 1
        cells = np.where(truth < 0, classes - 1, truth) * classes + probabilities.argmax(1)
        self.table = np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
        self.right, self.true, self.answered = self.table.diagonal(), self.table.sum(1), self.table.sum(0)
        self.seen: Bools = (self.true + self.answered) > 0

    def mean(self, values: Floats) -> float:
        """The mean over the classes that were seen."""
        return float(values[self.seen].mean())


def _accuracy(truth: Ints, probabilities: Floats) -> float:
    return float((probabilities.argmax(1) == truth).mean())


def _counted(score: Callable[[_Confusion], float]) -> Callable[[Ints, Floats], float]:
    """A score of counts as one of probabilities."""
    return lambda truth, probabilities: score(_Confusion(truth, probabilities))


def _f1(found: _Confusion) -> Floats:
    return ratio(2 * found.right, found.true + found.answered)


def _balanced_accuracy(found: _Confusion) -> float:
    return float(ratio(found.right, found.true)[found.true > 0].mean())


def _matthews(found: _Confusion) -> float:
    """Gorodkin (2004); 0 where all rows are, or are said to be, of one class."""
    rows, true, answered = float(found.true.sum()), found.true.astype(float), found.answered.astype(float)
    spread = (rows**2 - answered @ answered) * (rows**2 - true @ true)
    return float((found.right.sum() * rows - true @ answered) / np.sqrt(spread)) if spread else 0.0


def _kappa(found: _Confusion, distances: Floats) -> float:
    """Cohen (1960, 1968): how much less the answers are off than those of one who guesses by the same frequencies; 0
    where such a guess is right too."""
    guessed = np.outer(found.true, found.answered) / found.true.sum()
    off = (distances * guessed).sum()
    return float(1 - (distances * found.table).sum() / off) if off else 0.0


def _plain_kappa(found: _Confusion) -> float:
    return _kappa(found, 1.0 - np.eye(len(found.table)))


def _quadratic_kappa(found: _Confusion) -> float:
    places = np.arange(len(found.table), dtype=np.float64)
    distances = (places[:, None] - places) ** 2
    distances[-1] = distances[:, -1] = max(1, len(places) - 2) ** 2  # an unknown class is as far off as can be
    return _kappa(found, distances)


def _chosen(truth: Ints, probabilities: Floats) -> Floats:
    """The probability of the true class; 0 for one that the model does not know."""
    return np.where(truth >= 0, probabilities[np.arange(len(truth)), truth], 0.0)


def _neg_log_loss(truth: Ints, probabilities: Floats) -> float:
    return float(np.log(np.clip(_chosen(truth, probabilities), np.finfo(np.float32).eps, 1.0)).mean())


def _neg_brier_score(truth: Ints, probabilities: Floats) -> float:
    squares = np.square(probabilities, dtype=np.float64).sum(1) - 2 * _chosen(truth, probabilities) + 1
    return -float(squares.mean()) / (2 if probabilities.shape[1] == 2 else 1)


def _neg_calibration_error(truth: Ints, probabilities: Floats) -> float:
    """Guo et al. (2017): in bins of equal width of the highest probability, how far it is from the share that is
    right."""
    highest = probabilities.max(1).astype(np.float64)
    bins = np.clip(np.ceil(highest * BINS).astype(np.int64) - 1, 0, BINS - 1)
    off = np.bincount(bins, highest - (probabilities.argmax(1) == truth), minlength=BINS)
    return -float(np.abs(off).sum()) / len(truth)


def _top(truth: Ints, probabilities: Floats) -> float:
    """Of equal probabilities those of later classes come first, as scikit-learn has it."""
    own, classes = _chosen(truth, probabilities)[:, None], np.arange(probabilities.shape[1])
    before = (probabilities > own) | ((probabilities == own) & (classes > truth[:, None]))
    return float(((before.sum(1) < TOP) & (truth >= 0)).mean())


def _roc_auc(truth: Ints, probabilities: Floats) -> float:
    """The mean over the classes that occur in `truth` with and without; 0.5 if there is none."""
    labels = np.unique(truth[truth >= 0])
    if not len(labels) or (truth == labels[0]).all():
        return 0.5
    return float(roc_areas(truth[:, None] == labels, probabilities[:, labels]).mean())


def _average_precision(truth: Ints, probabilities: Floats) -> float:
    """The mean over the classes that occur in `truth`; of two classes that of the second. 0 if there is none."""
    labels = np.unique(truth[truth >= 0])
    if probabilities.shape[1] == 2:
        labels = labels[labels == 1]
    if not len(labels):
        return 0.0
    return float(average_precisions(truth[:, None] == labels, probabilities[:, labels]).mean())


CLASSIFICATION: Mapping[str, Metric] = {
    "accuracy": Metric("share of rows that are right", _accuracy),
    "balanced_accuracy": Metric(
        "mean over classes of the share of their rows that are right", _counted(_balanced_accuracy)
    ),
    "f1_macro": Metric("mean over classes of the F1 score", _counted(lambda found: found.mean(_f1(found)))),
    "f1_micro": Metric("F1 score of all classes together; with one label per row the accuracy", _accuracy),
    "f1_weighted": Metric(
        "mean of the F1 score over classes, each as often as it is true",
        _counted(lambda found: float(_f1(found) @ found.true / found.true.sum())),
    ),
    "precision_macro": Metric(
        "mean over classes of how often their answer is right",
        _counted(lambda found: found.mean(ratio(found.right, found.answered))),
    ),
    "recall_macro": Metric(
        "mean over classes of how often they are found",
        _counted(lambda found: found.mean(ratio(found.right, found.true))),
    ),
    "neg_log_loss": Metric("mean log probability of the true class", _neg_log_loss, 0.0),
    "neg_brier_score": Metric("minus the mean squared error of the probabilities (Brier, 1950)", _neg_brier_score, 0.0),
    "neg_expected_calibration_error": Metric(
        f"minus how far confidence is from accuracy, in {BINS} bins (Guo et al., 2017)", _neg_calibration_error, 0.0
    ),
    "roc_auc_ovr": Metric("mean area under the ROC curve, each class against the rest", _roc_auc),
    "average_precision": Metric(
        "area under the precision-recall curve, mean over classes; of two classes that of the second",
        _average_precision,
    ),
    "top_k_accuracy": Metric(
        f"share of rows whose class is among the {TOP} most probable; of two classes always 1", _top
    ),
    "cohen_kappa": Metric("how much better than a guess by the same frequencies (Cohen, 1960)", _counted(_plain_kappa)),
    "cohen_kappa_quadratic": Metric(
        "the same for classes in an order: an error counts by its squared distance (Cohen, 1968)",
        _counted(_quadratic_kappa),
    ),
    "matthews_corrcoef": Metric("correlation of true and answered classes (Matthews, 1975)", _counted(_matthews)),
}
"""Each is computed from `truth` (rows,) and `probabilities` (rows, classes), see `classification_score`."""

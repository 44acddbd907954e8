"""Scores of classes: from the class that is answered, or from the probabilities."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from autosft.contracts.metric import Metric, by_name
from autosft.data.calibration import BINS, calibration_error
from autosft.training.log_loss import log_losses
from autosft.training.metrics.fast import Confusion, Floats, Ints, average_precisions, ratio, roc_areas

TOP = 2
"""As many as scikit-learn's scorer of that name takes."""


def _accuracy(truth: Ints, answered: Ints) -> float:
    return float((answered == truth).mean())


def _counted(score: Callable[[Confusion], float]) -> Callable[[Ints, Ints, Floats], float]:
    """A score of counts as one of answers."""
    return lambda truth, answered, probabilities: score(Confusion(truth, answered, probabilities.shape[1]))


def _f1(found: Confusion) -> Floats:
    return ratio(2 * found.right, found.true + found.answered)


def _balanced_accuracy(found: Confusion) -> float:
    return float(ratio(found.right, found.true)[found.true > 0].mean())


def _matthews(found: Confusion) -> float:
    """Gorodkin (2004); 0 where all rows are, or are said to be, of one class."""
    rows, true, answered = float(found.true.sum()), found.true.astype(float), found.answered.astype(float)
    spread = (rows**2 - answered @ answered) * (rows**2 - true @ true)
    return float((found.right.sum() * rows - true @ answered) / np.sqrt(spread)) if spread else 0.0


def _kappa(found: Confusion, distances: Floats) -> float:
    """Cohen (1960, 1968): how much less the answers are off than those of one who guesses by the same frequencies; 0
    where such a guess is right too."""
    guessed = np.outer(found.true, found.answered) / found.true.sum()
    off = (distances * guessed).sum()
    return float(1 - (distances * found.table).sum() / off) if off else 0.0


def _plain_kappa(found: Confusion) -> float:
    return _kappa(found, 1.0 - np.eye(len(found.table)))


def _quadratic_kappa(found: Confusion) -> float:
    places = np.arange(len(found.table), dtype=np.float64)
    distances = (places[:, None] - places) ** 2
    distances[-1] = distances[:, -1] = max(1, len(places) - 2) ** 2  # an unknown class is as far off as can be
    return _kappa(found, distances)


def _chosen(truth: Ints, probabilities: Floats) -> Floats:
    """The probability of the true class; 0 for one that the model does not know."""
    return np.where(truth >= 0, probabilities[np.arange(len(truth)), truth], 0.0)


def _log_loss(truth: Ints, probabilities: Floats) -> float:
    """Not scikit-learn's: it also clips from above, so that perfect answers have a loss, and an averaged float32
    probability that is rounded to a little above 1 is an error there."""
    return float(log_losses(np.minimum(_chosen(truth, probabilities), 1.0)).mean())


def _brier_score(truth: Ints, probabilities: Floats) -> float:
    """Not scikit-learn's, for the same reason; half of it for two classes, as there."""
    squares = np.square(probabilities, dtype=np.float64).sum(1) - 2 * _chosen(truth, probabilities) + 1
    return float(squares.mean()) / (2 if probabilities.shape[1] == 2 else 1)


def _calibration_error(truth: Ints, probabilities: Floats) -> float:
    return calibration_error(probabilities.max(1), probabilities.argmax(1) == truth)


def _top(truth: Ints, probabilities: Floats) -> float:
    """A class that the model does not know is one more, which it never answers."""
    from sklearn.metrics import top_k_accuracy_score

    classes = probabilities.shape[1]
    more = np.pad(probabilities, ((0, 0), (0, 1)), constant_values=-1.0)
    known = np.where(truth < 0, classes, truth)
    return float(top_k_accuracy_score(known, more, k=TOP, labels=np.arange(classes + 1)))


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


_fraction = partial(Metric, problem="classification", range=(0.0, 1.0))
_loss = partial(Metric, problem="classification", range=(0.0, np.inf), greater_is_better=False)
_agreement = partial(Metric, problem="classification", range=(-1.0, 1.0))

CLASSIFICATION = by_name(
    _fraction("accuracy", function=_accuracy, about="fraction of rows that are right"),
    _fraction(
        "balanced_accuracy",
        function=_counted(_balanced_accuracy),
        about="mean over classes of the fraction of their rows that are right",
        every_class_counts=True,
    ),
    _fraction(
        "f1_macro",
        function=_counted(lambda found: found.mean(_f1(found))),
        about="mean over classes of the F1 score",
        every_class_counts=True,
    ),
    _fraction(
        "f1_micro", function=_accuracy, about="F1 score of all classes together; with one label per row the accuracy"
    ),
    _fraction(
        "f1_weighted",
        function=_counted(lambda found: float(_f1(found) @ found.true / found.true.sum())),
        about="mean of the F1 score over classes, each as often as it is true",
    ),
    _fraction(
        "precision_macro",
        function=_counted(lambda found: found.mean(ratio(found.right, found.answered))),
        about="mean over classes of how often their answer is right",
        every_class_counts=True,
    ),
    _fraction(
        "recall_macro",
        function=_counted(lambda found: found.mean(ratio(found.right, found.true))),
        about="mean over classes of how often they are found",
        every_class_counts=True,
    ),
    _loss("neg_log_loss", function=_log_loss, about="mean log probability of the true class"),
    _loss(
        "neg_brier_score",
        function=_brier_score,
        about="minus the mean squared error of the probabilities (Brier, 1950)",
        range=(0.0, 2.0),
    ),
    _loss(
        "neg_expected_calibration_error",
        function=_calibration_error,
        about=f"minus how far confidence is from accuracy, in {BINS} bins (Guo et al., 2017)",
        range=(0.0, 1.0),
    ),
    _fraction(
        "roc_auc_ovr",
        function=_roc_auc,
        about="mean area under the ROC curve, each class against the rest",
        every_class_counts=True,
    ),
    _fraction(
        "average_precision",
        function=_average_precision,
        about="area under the precision-recall curve, mean over classes; of two classes that of the second",
        every_class_counts=True,
    ),
    _fraction(
        "top_k_accuracy",
        function=_top,
        about=f"fraction of rows whose class is among the {TOP} most probable; of two classes always 1",
    ),
    _agreement(
        "cohen_kappa",
        function=_counted(_plain_kappa),
        about="how much better than a guess by the same frequencies (Cohen, 1960)",
    ),
    _agreement(
        "cohen_kappa_quadratic",
        function=_counted(_quadratic_kappa),
        about="the same for classes in an order: an error counts by its squared distance (Cohen, 1968)",
    ),
    _agreement(
        "matthews_corrcoef",
        function=_counted(_matthews),
        about="correlation of true and answered classes (Matthews, 1975)",
    ),
)
"""Each is computed from `truth`, class numbers (rows,), of which -1 is a class that the model does not know and always
wrong; from `answered`, class numbers (rows,); and from `probabilities` (rows, classes)."""

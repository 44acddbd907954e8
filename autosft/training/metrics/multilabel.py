"""Scores of sets of labels, or of the probabilities of labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from autosft.training.metrics.metric import Bools, Floats, Ints, Metric, average_precisions, ratio, roc_areas

Score = Callable[[Bools, Bools, Floats], float]
Counts = Ints | Floats
Overlap = Callable[[Counts, Counts, Counts], Floats]
"""How alike two sets are, from the sizes of their intersection and of both."""


def multilabel_score(metric: str, truth: Bools, given: Bools, probabilities: Floats) -> float:
    """Score sets of labels, or the probabilities of labels.

    Args:
        metric: One of `MULTILABEL`. Means over labels are over those that are true or given somewhere,
            `"average_precision"` over those that are true somewhere, `"roc_auc"` over those that are not everywhere
            either.
        truth: Which labels a row has, shape (rows, labels).
        given: Which labels it was given, of the same shape.
        probabilities: Of the same shape.
    """
    return float(MULTILABEL[metric].score(truth, given, probabilities))


def _f1(both: Counts, true: Counts, given: Counts) -> Floats:
    return ratio(2 * both, true + given)


def _jaccard(both: Counts, true: Counts, given: Counts) -> Floats:
    return ratio(both, true + given - both)


def _equal(both: Counts, true: Counts, given: Counts) -> Floats:
    return ((both == true) & (both == given)).astype(np.float64)


OVERLAPS: Mapping[str, Overlap] = {"accuracy": _equal, "f1_samples": _f1, "jaccard_samples": _jaccard}
"""The scores that are means over rows, and of what."""


def _micro(overlap: Overlap) -> Score:
    """Of all pairs of row and label together."""
    return lambda truth, given, _: float(overlap((truth & given).sum(), truth.sum(), given.sum()))


def _macro(overlap: Overlap) -> Score:
    """The mean over the labels that occur."""

    def score(truth: Bools, given: Bools, _: Floats) -> float:
        seen = (truth | given).any(0)
        values = overlap((truth & given).sum(0), truth.sum(0), given.sum(0))[seen]
        return float(values.mean()) if len(values) else 0.0

    return score


def _samples(name: str) -> Score:
    """The mean over rows; F1 and Jaccard of a row without true and given labels are 0, as scikit-learn has it."""
    overlap = OVERLAPS[name]
    return lambda truth, given, _: float(overlap((truth & given).sum(1), truth.sum(1), given.sum(1)).mean())


def _average_precision(truth: Bools, _: Bools, probabilities: Floats) -> float:
    seen = truth.any(0)
    return float(average_precisions(truth[:, seen], probabilities[:, seen]).mean()) if seen.any() else 0.0


def _roc_auc(truth: Bools, _: Bools, probabilities: Floats) -> float:
    """0.5 where each label is true of all rows or of none."""
    seen = truth.any(0) & ~truth.all(0)
    return float(roc_areas(truth[:, seen], probabilities[:, seen]).mean()) if seen.any() else 0.5


MULTILABEL: Mapping[str, Metric] = {
    "f1_micro": Metric("F1 score of all pairs of row and label together", _micro(_f1)),
    "f1_macro": Metric("mean over labels of the F1 score", _macro(_f1)),
    "f1_samples": Metric("mean over rows of the F1 score", _samples("f1_samples")),
    "jaccard_micro": Metric(
        "right labels among those true or given (Jaccard, 1901), all pairs together", _micro(_jaccard)
    ),
    "jaccard_macro": Metric("mean of the same over labels", _macro(_jaccard)),
    "jaccard_samples": Metric("mean of the same over rows", _samples("jaccard_samples")),
    "average_precision": Metric("area under the precision-recall curve, mean over labels", _average_precision),
    "roc_auc": Metric("area under the ROC curve, mean over labels", _roc_auc),
    "accuracy": Metric("share of rows whose labels are all right", _samples("accuracy")),
    "neg_hamming_loss": Metric(
        "minus the share of wrong pairs of row and label", lambda truth, given, _: -float((truth != given).mean()), 0.0
    ),
}
"""Each is computed from `truth`, `given` and `probabilities`, see `multilabel_score`."""

"""Scores of sets of labels, or of the probabilities of labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from autosft.contracts.metric import Metric, by_name
from autosft.training.metrics.fast import Bools, Floats, Ints, average_precisions, ratio, roc_areas

Score = Callable[[Bools, Bools], float]
Counts = Ints | Floats
Overlap = Callable[[Counts, Counts, Counts], Floats]
"""How alike two sets are, from the sizes of their intersection and of both."""


def _f1(both: Counts, true: Counts, answered: Counts) -> Floats:
    return ratio(2 * both, true + answered)


def _jaccard(both: Counts, true: Counts, answered: Counts) -> Floats:
    return ratio(both, true + answered - both)


def _equal(both: Counts, true: Counts, answered: Counts) -> Floats:
    return ((both == true) & (both == answered)).astype(np.float64)


OVERLAPS: Mapping[str, Overlap] = {"accuracy": _equal, "f1_samples": _f1, "jaccard_samples": _jaccard}
"""The scores that are means over rows, and of what."""


def _micro(overlap: Overlap) -> Score:
    """Of all pairs of row and label together."""
    return lambda truth, answered: float(overlap((truth & answered).sum(), truth.sum(), answered.sum()))


def _macro(overlap: Overlap) -> Score:
    """The mean over the labels that occur."""

    def score(truth: Bools, answered: Bools) -> float:
        seen = (truth | answered).any(0)
        values = overlap((truth & answered).sum(0), truth.sum(0), answered.sum(0))[seen]
        return float(values.mean()) if len(values) else 0.0

    return score


def _samples(name: str) -> Score:
    """The mean over rows; F1 and Jaccard of a row without true and answered labels are 0, as scikit-learn has it."""
    overlap = OVERLAPS[name]
    return lambda truth, answered: float(overlap((truth & answered).sum(1), truth.sum(1), answered.sum(1)).mean())


def _average_precision(truth: Bools, probabilities: Floats) -> float:
    seen = truth.any(0)
    return float(average_precisions(truth[:, seen], probabilities[:, seen]).mean()) if seen.any() else 0.0


def _roc_auc(truth: Bools, probabilities: Floats) -> float:
    """0.5 where each label is true of all rows or of none."""
    seen = truth.any(0) & ~truth.all(0)
    return float(roc_areas(truth[:, seen], probabilities[:, seen]).mean()) if seen.any() else 0.5


def _hamming_loss(truth: Bools, answered: Bools) -> float:
    return float((truth != answered).mean())


_fraction = partial(Metric, problem="multilabel", range=(0.0, 1.0))

MULTILABEL = by_name(
    _fraction("f1_micro", function=_micro(_f1), about="F1 score of all pairs of row and label together"),
    _fraction("f1_macro", function=_macro(_f1), about="mean over labels of the F1 score"),
    _fraction("f1_samples", function=_samples("f1_samples"), about="mean over rows of the F1 score"),
    _fraction(
        "jaccard_micro",
        function=_micro(_jaccard),
        about="right labels among those true or given (Jaccard, 1901), all pairs together",
    ),
    _fraction("jaccard_macro", function=_macro(_jaccard), about="mean of the same over labels"),
    _fraction("jaccard_samples", function=_samples("jaccard_samples"), about="mean of the same over rows"),
    _fraction(
        "average_precision",
        function=_average_precision,
        about="area under the precision-recall curve, mean over labels",
    ),
    _fraction("roc_auc", function=_roc_auc, about="area under the ROC curve, mean over labels"),
    _fraction("accuracy", function=_samples("accuracy"), about="fraction of rows whose labels are all right"),
    _fraction(
        "neg_hamming_loss",
        function=_hamming_loss,
        about="minus the fraction of wrong pairs of row and label",
        greater_is_better=False,
    ),
)
"""Each is computed from `truth` and `answered`, whether a row has a label and whether it was given it, and from
`probabilities`; all of shape (rows, labels). Means over labels are over those that are true or given somewhere,
`"average_precision"` over those that are true somewhere, `"roc_auc"` over those that are not everywhere either."""

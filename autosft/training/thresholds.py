"""`LabelRule`: which labels a row gets. `choose_rule`: the rule that fits a score, found on validation rows.

One threshold per label for the Hamming loss and the scores by micro- and macro-averages, which are made of sums per
label (Jaccard's rises and falls with F1); one for all labels together for subset accuracy and means over rows, which
are not. Where it helps, a row's most probable label is always among its labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autosft.contracts.metric import Metric
from autosft.training.metrics import MULTILABEL, OVERLAPS

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]

CUTS: Floats = 1 / (1 + np.exp(-np.linspace(-7, 5, 121)))
"""The thresholds to choose from, in even steps of the log odds."""

BORROWED = 30.0
"""The counts of each label are joined by those of so many positive rows of all labels together, so that a label with
few positive rows takes a threshold near the common one: a threshold chosen from three rows mostly fits chance. With
probabilities that are right, one threshold for all is best for the micro-averaged F1 anyway (Lipton et al., 2014). So
many because of benchmarks/README.md."""

NEAR = 5
"""How many cuts to either side are near: half a unit of log odds."""

SAME = 1e-12
"""Sums that differ by less are equal but for rounding."""


@final
@dataclass(frozen=True)
class LabelRule:
    """Which labels a row gets.

    Attributes:
        thresholds: A label is given from this probability on, shape (labels,).
        top: Whether a row's most probable label is always given.
    """

    thresholds: Floats
    top: bool = False

    def predicted(self, probabilities: Floats) -> Bools:
        """Whether a label is given, shape (rows, labels)."""
        return (_lifted(probabilities) if self.top else probabilities) >= self.thresholds


def choose_rule(metric: Metric, truth: Bools, probabilities: Floats, default: LabelRule) -> LabelRule:
    """The rule with the highest score; the default if no row has a label.

    A label without positive rows takes the threshold that is best for all labels together.

    Args:
        metric: What the labels are for. Scores of probabilities alone ask for no rule, and get that of `"f1_micro"`;
            scores that are not built in get its thresholds.
        truth: The labels of each row, shape (rows, labels).
        probabilities: Of the same shape.
        default: What to return where nothing can be learned.
    """
    if not truth.any():
        return default
    metric = metric if metric.decided else MULTILABEL["f1_micro"]
    rules = [
        LabelRule(_thresholds(metric.name, truth, seen), top)
        for top, seen in ((False, probabilities), (True, _lifted(probabilities)))
    ]
    answers = [
        {"truth": truth, "answered": rule.predicted(probabilities), "probabilities": probabilities} for rule in rules
    ]
    scores = [metric.score(one) for one in answers]
    return rules[int(scores[1] > scores[0])]


def _lifted(probabilities: Floats) -> Floats:
    """The same, but a row's highest is certain, so that it is above every threshold."""
    lifted = probabilities.copy()
    lifted[np.arange(len(lifted)), lifted.argmax(1)] = 1.0
    return lifted


def _thresholds(metric: str, truth: Bools, probabilities: Floats) -> Floats:
    """The best threshold of each label, shape (labels,)."""
    if metric in OVERLAPS:
        return np.full(truth.shape[1], CUTS[_peaks(_by_cut(metric, truth, probabilities)[None])[0]])
    positive = truth.sum(0)
    seen = positive > 0
    hits, predicted = _counts(truth, probabilities), _counts(np.ones_like(truth) & seen, probabilities)
    fraction = BORROWED / positive.sum()
    hits, predicted, positive = (
        hits + fraction * hits.sum(0),
        predicted + fraction * predicted.sum(0),
        positive + BORROWED,
    )
    if metric.endswith("_macro"):
        return CUTS[_peaks(2 * hits / (predicted + positive[:, None]))]
    if metric == "neg_hamming_loss":
        return CUTS[_peaks(2 * hits - predicted)]
    return CUTS[_micro_peaks(hits, predicted, positive)]


def _counts(chosen: Bools, probabilities: Floats) -> Floats:
    """How many of the chosen rows each cut would give a label to, shape (labels, cuts); of the transposes, how many of
    the chosen labels to a row, shape (rows, cuts)."""
    labels = probabilities.shape[1]
    below = np.searchsorted(CUTS, probabilities, side="right")  # so many cuts would give it
    cells = (np.arange(labels) * (len(CUTS) + 1) + below)[chosen]
    table = np.bincount(cells, minlength=labels * (len(CUTS) + 1)).reshape(labels, -1)
    return table[:, ::-1].cumsum(1)[:, -2::-1].astype(np.float64)


def _micro_peaks(hits: Floats, predicted: Floats, positive: Floats) -> npt.NDArray[np.int64]:
    """The cuts of the highest micro-averaged F1, a ratio of two sums over labels (Dinkelbach, 1967)."""
    labels = np.arange(len(hits))
    score = -1.0
    while True:
        peaks = _peaks(2 * hits - max(score, 0.0) * predicted)
        higher = float(2 * hits[labels, peaks].sum() / (predicted[labels, peaks].sum() + positive.sum()))
        if higher <= score + SAME:
            return peaks
        score = higher


def _by_cut(metric: str, truth: Bools, probabilities: Floats) -> Floats:
    """The score that each cut would have as the threshold of all labels, shape (cuts,).

    Over few rows these numbers are ragged: each is the mean over the cuts near it.
    """
    hits, predicted = (_counts(chosen.T, probabilities.T) for chosen in (truth, np.ones_like(truth)))
    scores = OVERLAPS[metric](hits, truth.sum(1)[:, None], predicted).mean(0)
    return np.convolve(np.pad(scores, NEAR, mode="edge"), np.ones(2 * NEAR + 1) / (2 * NEAR + 1), mode="valid")


def _peaks(values: Floats) -> npt.NDArray[np.int64]:
    """The middle of the first highest plateau of each row, shape (rows,)."""
    high = values >= values.max(1, keepdims=True) - SAME
    first = high.argmax(1)
    after = ~high & (np.arange(values.shape[1]) > first[:, None])
    end = np.where(after.any(1), after.argmax(1), values.shape[1])
    return (first + end - 1) // 2

"""`ClassDiagnosis`: one label per row. Per class, what is mistaken for what, how sure, and which labels look wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from autosft.contracts.section import Answers, ReportedRow
from autosft.report.diagnosis.answers import Floats
from autosft.report.diagnosis.calibration import Calibration, calibration_of
from autosft.report.words import percent

MOST_CLASSES = 30
"""A confusion matrix of more classes cannot be read; then the most frequent mistakes stand alone."""

MOST_LISTED = 100
MOST_PAIRS = 12
MOST_SAMPLES = 12

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassLine:
    """One class: its rows, the scores of its answers, and what it was mistaken for most, in words."""

    name: str
    rows: int
    precision: float
    recall: float
    f1: float
    mistaken: str


@dataclass(frozen=True)
class Pair:
    """How often rows of one class were taken for another."""

    target: str
    answer: str
    count: int
    fraction: float


@dataclass(frozen=True)
class ClassDiagnosis:
    """What the answers to a classification say.

    Attributes:
        classes: The names, in the order of the matrix.
        lines: Per class, that with the lowest F1 first; at most `MOST_LISTED`.
        left: How many classes are not in `lines`.
        matrix: Rows by true and answered class; None with more than `MOST_CLASSES` classes.
        pairs: The most frequent mistakes.
        right, count: How many rows were answered right, of how many.
        calibration: Of the most probable class.
        mistakes: Wrong answers, the surest first.
        suspicious: Rows whose label looks wrong, the most suspicious first.
        suspects: How many labels look wrong.
    """

    classes: tuple[str, ...]
    lines: tuple[ClassLine, ...]
    left: int
    matrix: tuple[tuple[int, ...], ...] | None
    pairs: tuple[Pair, ...]
    right: int
    count: int
    calibration: Calibration
    mistakes: tuple[ReportedRow, ...]
    suspicious: tuple[ReportedRow, ...]
    suspects: int


def diagnose_classes(answers: Answers) -> ClassDiagnosis:
    """Look into the answers to a problem with one class per row."""
    known = list(answers.problem.classes(answers.state))
    targets = [str(target) for target in answers.targets]
    names = (*known, *sorted(set(targets) - set(known)))
    number = {name: place for place, name in enumerate(names)}
    truth = np.array([number[name] for name in targets], dtype=np.int64)
    probabilities = np.asarray(answers.outputs.arrays["probabilities"], dtype=np.float64)
    said = np.array([number[str(one)] for one in answers.decided()], dtype=np.int64)
    sure = probabilities[np.arange(len(said)), said]
    scikit = _scikit_learn()
    matrix: Ints = scikit.confusion_matrix(truth, said, labels=np.arange(len(names)))
    scores = scikit.precision_recall_fscore_support(truth, said, labels=np.arange(len(names)), zero_division=0.0)
    wrong = np.flatnonzero(said != truth)
    surest: list[int] = wrong[np.argsort(-sure[wrong], kind="stable")][:MOST_SAMPLES].tolist()
    suspects = suspicious_labels(truth, probabilities)
    lines = sorted(_lines(names, matrix, scores), key=lambda line: (line.f1, -line.rows))

    def sample(place: int) -> ReportedRow:
        own = float(probabilities[place, truth[place]]) if truth[place] < probabilities.shape[1] else 0.0
        why = f"{percent(float(sure[place]))} sure; {percent(own)} for the label"
        return ReportedRow(answers.rows[place], names[int(truth[place])], names[int(said[place])], why)

    return ClassDiagnosis(
        classes=names,
        lines=tuple(lines[:MOST_LISTED]),
        left=max(0, len(lines) - MOST_LISTED),
        matrix=tuple(map(tuple, matrix.tolist())) if len(names) <= MOST_CLASSES else None,
        pairs=_pairs(names, matrix),
        right=len(said) - len(wrong),
        count=len(said),
        calibration=calibration_of(probabilities.max(1), probabilities.argmax(1) == truth),
        mistakes=tuple(map(sample, surest)),
        suspicious=tuple(map(sample, suspects[:MOST_SAMPLES].tolist())),
        suspects=len(suspects),
    )


def _scikit_learn() -> Any:
    from sklearn import metrics  # pyright: ignore[reportMissingTypeStubs]

    return cast("Any", metrics)


def suspicious_labels(truth: Ints, probabilities: Floats) -> Ints:
    """The places of rows whose labels look wrong, the most suspicious first.

    Confident learning (Northcutt, Jiang and Chuang, 2021): a class is likely for a row if its probability is at least
    what it is on average for the rows labelled so. A row is suspicious if the likeliest of its likely classes is not
    its label; it is more so the further its label's probability lies below that of the most probable other class.

    Args:
        truth: Class numbers, shape (rows,); a number beyond the columns is a class that the model does not know, whose
            rows cannot be judged.
        probabilities: Of a model that was not trained on these rows, shape (rows, classes).
    """
    count = probabilities.shape[1]
    judged = np.flatnonzero(truth < count)
    label, table = truth[judged], probabilities[judged]
    own = table[np.arange(len(judged)), label]
    rows = np.bincount(label, minlength=count)
    usual = np.bincount(label, weights=own, minlength=count) / np.maximum(rows, 1)
    likely = (table >= usual) & (rows > 0)
    likeliest = np.where(likely, table, -1.0).argmax(1)
    off = np.flatnonzero(likely.any(1) & (likeliest != label))
    others = table.copy()
    others[np.arange(len(judged)), label] = -1.0
    margin = own[off] - others[off].max(1)
    return judged[off[np.argsort(margin, kind="stable")]]


def _lines(names: tuple[str, ...], matrix: Ints, scores: tuple[Floats, Floats, Floats, Ints]) -> list[ClassLine]:
    """A line per class; the scores are precision, recall, F1 and rows of each."""
    precision, recall, f1, rows = scores
    lines: list[ClassLine] = []
    for place, name in enumerate(names):
        wrong: Any = np.where(np.arange(len(names)) == place, 0, matrix[place])
        most = int(wrong.argmax())
        mistaken = f"{names[most]} ({wrong[most]})" if wrong[most] else ""
        own = (float(precision[place]), float(recall[place]), float(f1[place]))
        lines.append(ClassLine(name, int(rows[place]), *own, mistaken))
    return lines


def _pairs(names: tuple[str, ...], matrix: Ints) -> tuple[Pair, ...]:
    wrong = matrix * (1 - np.eye(len(names), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    rows = matrix.sum(1)
    pairs = [divmod(int(flat), len(names)) for flat in order]
    return tuple(
        Pair(names[one], names[other], int(wrong[one, other]), float(wrong[one, other] / rows[one]))
        for one, other in pairs
        if wrong[one, other]
    )

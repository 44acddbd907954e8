"""`LabelDiagnosis`: several labels per row. Per label, how sure, and the rows that are answered worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from autosft.contracts.section import Answers, ReportedRow
from autosft.report.diagnosis.calibration import Calibration, calibration_of
from autosft.report.words import percent

MOST_LISTED = 100
MOST_SAMPLES = 12


@dataclass(frozen=True)
class LabelLine:
    """One label: the rows that have it, the scores of its answers, and from which probability on it is given.

    Attributes:
        average_precision: The area under its precision-recall curve; None if no row has it.
    """

    name: str
    rows: int
    precision: float
    recall: float
    f1: float
    average_precision: float | None
    threshold: float | None


@dataclass(frozen=True)
class LabelDiagnosis:
    """What the answers say.

    Attributes:
        lines: Per label, that with the most rows first; at most `MOST_LISTED`.
        left: How many labels are not in `lines`.
        exact, count: How many rows have exactly the labels that were given, of how many.
        calibration: Over all rows and labels.
        mistakes: The rows with the most wrong labels.
        suspicious: The rows that hold the least probable label, or lack the most probable one: the least probability
            of what a row's labels say (self-confidence; Thyagarajan et al., 2022).
    """

    lines: tuple[LabelLine, ...]
    left: int
    exact: int
    count: int
    calibration: Calibration
    mistakes: tuple[ReportedRow, ...]
    suspicious: tuple[ReportedRow, ...]


def diagnose_labels(answers: Answers) -> LabelDiagnosis:
    """Look into the answers to a problem with several labels per row."""
    classes = list(answers.problem.classes(answers.state))
    sets = [frozenset([target] if isinstance(target, str) else map(str, target)) for target in answers.targets]
    predicted = [frozenset(map(str, labels)) for labels in answers.decided()]
    truth = np.array([[name in labels for name in classes] for labels in sets]).reshape(len(sets), len(classes))
    said = np.array([[name in labels for name in classes] for labels in predicted]).reshape(len(sets), len(classes))
    probabilities = np.asarray(answers.outputs.arrays["probabilities"], dtype=np.float64)
    agree = np.where(truth, probabilities, 1 - probabilities)
    lines = sorted(_lines(classes, truth, said, probabilities, answers), key=lambda line: -line.rows)
    wrong = np.array([len(one ^ other) for one, other in zip(sets, predicted, strict=True)])

    def sample(place: int) -> ReportedRow:
        label = int(agree[place].argmin())
        does = "has" if truth[place, label] else "lacks"
        why = f"{does} {classes[label]}, to which the model gives {percent(probabilities[place, label])}"
        return ReportedRow(answers.rows[place], _words(sets[place]), _words(predicted[place]), why)

    worst = np.lexsort((agree.min(1), -wrong))[: min(MOST_SAMPLES, int((wrong > 0).sum()))]
    doubtful = np.argsort(agree.min(1), kind="stable")[: min(MOST_SAMPLES, int((agree.min(1) < 0.5).sum()))]
    return LabelDiagnosis(
        lines=tuple(lines[:MOST_LISTED]),
        left=max(0, len(lines) - MOST_LISTED),
        exact=int((wrong == 0).sum()),
        count=len(sets),
        calibration=calibration_of(probabilities.ravel(), truth.ravel()),
        mistakes=tuple(map(sample, worst.tolist())),
        suspicious=tuple(map(sample, doubtful.tolist())),
    )


def _lines(
    classes: list[str],
    truth: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    said: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    probabilities: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    answers: Answers,
) -> list[LabelLine]:
    from sklearn import metrics  # pyright: ignore[reportMissingTypeStubs]

    average_precision = cast("Any", metrics).average_precision_score
    tables = (np.pad(table, ((0, 0), (0, 1))) for table in (truth, said))  # one column would be two classes
    precision, recall, f1, rows = cast("Any", metrics).precision_recall_fscore_support(*tables, zero_division=0.0)
    thresholds = answers.state.arrays.get("thresholds")
    return [
        LabelLine(
            name=name,
            rows=int(rows[place]),
            precision=float(precision[place]),
            recall=float(recall[place]),
            f1=float(f1[place]),
            average_precision=float(average_precision(truth[:, place], probabilities[:, place]))
            if rows[place]
            else None,
            threshold=float(thresholds[place]) if thresholds is not None else None,
        )
        for place, name in enumerate(classes)
    ]


def _words(labels: frozenset[str]) -> str:
    return ", ".join(sorted(labels)) or "none"

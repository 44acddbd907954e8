"""`NumberDiagnosis`: numbers. What was predicted against what is true, and how far off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from markupsafe import Markup

from autosft.contracts.section import Answers, ReportedRow
from autosft.report.charts.svg import Frame, padded
from autosft.report.diagnosis.answers import Floats
from autosft.report.words import number

MOST_POINTS = 1000
MOST_DRAWN = 4
MOST_SAMPLES = 12
BINS = 24


@dataclass(frozen=True)
class NumberLine:
    """One number of the target: R², mean absolute error, root mean squared error, the mean of the residuals, and half
    the width that holds 90 % of them."""

    name: str
    r2: float
    absolute: float
    squared: float
    bias: float
    ninety: float


@dataclass(frozen=True)
class NumberDiagnosis:
    """What the answers say.

    Attributes:
        lines: Per number of the target.
        drawings: For the first of them, predicted against true, and the distribution of the residuals.
        mistakes: The rows that are furthest off, in standard deviations of the targets.
        count: How many rows there are.
    """

    lines: tuple[NumberLine, ...]
    drawings: tuple[tuple[str, Markup, Markup], ...]
    mistakes: tuple[ReportedRow, ...]
    count: int


def diagnose_numbers(answers: Answers) -> NumberDiagnosis:
    """Look into the answers to a regression; numbers are numbered where there are fewer names of columns."""
    values = np.asarray(answers.outputs.arrays["values"], dtype=np.float64)
    truth = np.array(answers.targets, dtype=np.float64).reshape(values.shape)
    names = answers.names
    if len(names) != values.shape[1]:
        names = tuple(f"number {place + 1}" for place in range(values.shape[1]))
    residuals = values - truth
    scale = np.where(truth.std(0) > 0, truth.std(0), 1.0)
    worst: list[int] = np.argsort(-np.abs(residuals / scale).max(1), kind="stable")[:MOST_SAMPLES].tolist()
    samples = [
        ReportedRow(
            answers.rows[place],
            _words(truth[place]),
            _words(values[place]),
            f"off by {_words(residuals[place], signed=True)}",
        )
        for place in worst
    ]
    drawn = [
        (name, _scatter(name, truth[:, place], values[:, place]), _histogram(name, residuals[:, place]))
        for place, name in enumerate(names[:MOST_DRAWN])
    ]
    lines = [_line(name, truth[:, place], values[:, place]) for place, name in enumerate(names)]
    return NumberDiagnosis(tuple(lines), tuple(drawn), tuple(samples), len(values))


def _line(name: str, truth: Floats, values: Floats) -> NumberLine:
    from sklearn import metrics  # pyright: ignore[reportMissingTypeStubs]

    scikit, residuals = cast("Any", metrics), values - truth
    constant = truth.min() == truth.max()  # as when scored: 1 if all is right, else 0
    return NumberLine(
        name=name,
        r2=float(not residuals.any()) if constant else float(scikit.r2_score(truth, values)),
        absolute=float(scikit.mean_absolute_error(truth, values)),
        squared=float(scikit.root_mean_squared_error(truth, values)),
        bias=float(residuals.mean()),
        ninety=float(np.quantile(np.abs(residuals), 0.9)),
    )


def _scatter(name: str, truth: Floats, values: Floats) -> Markup:
    some = np.unique(np.linspace(0, len(truth) - 1, min(MOST_POINTS, len(truth))).astype(int))
    around = padded([*truth.tolist(), *values.tolist()], 0.03)
    label = f"{name}: predicted against true values of {len(some)} rows"
    frame = Frame(label, around, around, "true", "predicted", width=440.0, height=420.0)
    frame.line([(around[0], around[0]), (around[1], around[1])], "reference")
    for place in some.tolist():
        frame.dot((float(truth[place]), float(values[place])), "cloud", radius=3.0)
    return frame.drawing()


def _histogram(name: str, residuals: Floats) -> Markup:
    low, high = np.quantile(residuals, [0.005, 0.995])
    room = max(abs(low), abs(high)) or 1.0
    counts, edges = np.histogram(np.clip(residuals, -room, room), bins=BINS, range=(-room, room))
    label = f"{name}: distribution of the residuals, predicted minus true"
    frame = Frame(
        label, (-room, room), (0.0, float(counts.max())), "predicted minus true", "rows", width=440.0, height=420.0
    )
    for count, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        frame.box((left, 0.0), (right, float(count)), "column", f"{number(left)} to {number(right)}: {count} rows")
    frame.line([(0.0, 0.0), (0.0, float(counts.max()))], "reference")
    return frame.drawing()


def _words(numbers: Floats, *, signed: bool = False) -> str:
    return ", ".join(number(value, signed=signed) for value in numbers.tolist())

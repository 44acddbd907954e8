"""`Calibration`: whether what is said with 80 % comes true in 80 % of the cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from autosft.data.calibration import calibration_error, reliability
from autosft.report.charts.svg import Frame
from autosft.report.diagnosis.answers import Floats
from autosft.report.words import percent

MARKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Bin:
    """What was said with a probability in one bin: how sure on average, how often true, and how many answers."""

    sure: float
    true: float
    count: int

    @property
    def between(self) -> tuple[float, float]:
        """95 % interval of how often true (Wilson, 1927)."""
        from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

        test = cast("Any", stats).binomtest(round(self.true * self.count), self.count)
        low, high = test.proportion_ci(0.95, method="wilson")
        return float(low), float(high)


@dataclass(frozen=True)
class Calibration:
    """A reliability diagram (DeGroot and Fienberg, 1983), and in one number the expected calibration error (Naeini
    et al., 2015)."""

    bins: tuple[Bin, ...]
    error: float

    @property
    def count(self) -> int:
        """How many answers there are."""
        return sum(one.count for one in self.bins)

    def diagram(self) -> Markup:
        """How often true over how sure, with 95 % intervals; the area of a dot is its fraction of the answers."""
        label = f"Reliability diagram; expected calibration error {self.error:.3f}"
        frame = Frame(
            label,
            (0.0, 1.0),
            (0.0, 1.0),
            "how sure the model was",
            "how often it was right",
            MARKS,
            MARKS,
            _mark,
            _mark,
            width=440.0,
            height=420.0,
        )
        frame.line([(0.0, 0.0), (1.0, 1.0)], "reference")
        for one in self.bins:
            frame.line([(one.sure, end) for end in one.between], "interval")
            said = f"{one.count} answers: {percent(one.sure)} sure, {percent(one.true)} right"
            frame.dot((one.sure, one.true), "best", radius=4 + 10 * (one.count / self.count) ** 0.5, said=said)
        return frame.drawing()


def _mark(value: float) -> str:
    return f"{100 * value:.0f} %"


def calibration_of(sure: Floats, true: npt.NDArray[np.bool_]) -> Calibration:
    """Compare probabilities with what came true, by the bins and the error of `data.calibration`, which the metric
    `neg_expected_calibration_error` has too.

    Args:
        sure: From 0 to 1, shape (answers,).
        true: Shape (answers,).
    """
    found = reliability(sure, true)
    columns = (found.confidence.tolist(), found.accuracy.tolist(), found.counts.tolist())
    return Calibration(tuple(Bin(*one) for one in zip(*columns, strict=True)), calibration_error(sure, true))

"""`Calibration`: whether what is said with 80 % comes true in 80 % of the cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from autosft.report.charts.svg import Frame
from autosft.report.diagnosis.answers import Floats
from autosft.report.words import percent

BINS = 10
MARKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Bin:
    """What was said with a probability in one tenth: how sure on average, how often true, and how many answers."""

    sure: float
    true: float
    count: int

    @property
    def between(self) -> tuple[float, float]:
        """95 % interval of how often true (Wilson, 1927)."""
        square = 1.96**2
        middle = (self.true + square / (2 * self.count)) / (1 + square / self.count)
        spread = square * self.true * (1 - self.true) / self.count + square**2 / (4 * self.count**2)
        room = spread**0.5 / (1 + square / self.count)
        return max(0.0, middle - room), min(1.0, middle + room)


@dataclass(frozen=True)
class Calibration:
    """A reliability diagram (DeGroot and Fienberg, 1983), and in one number the expected calibration error: the mean
    gap between how sure and how often right, over bins of equal width weighted by their answers (Naeini et al., 2015).
    """

    bins: tuple[Bin, ...]
    error: float

    @property
    def count(self) -> int:
        """How many answers there are."""
        return sum(one.count for one in self.bins)

    def diagram(self) -> Markup:
        """How often true over how sure, with 95 % intervals; the area of a dot is its share of the answers."""
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
    """Compare probabilities with what came true.

    Args:
        sure: From 0 to 1, shape (answers,).
        true: Shape (answers,).
    """
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    groups = [places == place for place in range(BINS) if (places == place).any()]
    bins = tuple(Bin(float(sure[of].mean()), float(true[of].mean()), int(of.sum())) for of in groups)
    error = sum(one.count * abs(one.sure - one.true) for one in bins) / max(1, len(sure))
    return Calibration(bins, float(error))

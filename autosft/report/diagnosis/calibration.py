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
        """How often true over how sure; the area of a dot is its share of the answers."""
        label = f"Reliability diagram; expected calibration error {self.error:.3f}"
        frame = Frame(
            label,
            (0.0, 1.0),
            (0.0, 1.0),
            "how sure the model was",
            "how often it was right",
            MARKS,
            MARKS,
            percent,
            percent,
            width=420.0,
            height=400.0,
        )
        frame.line([(0.0, 0.0), (1.0, 1.0)], "reference")
        frame.line([(one.sure, one.true) for one in self.bins], "best")
        for one in self.bins:
            said = f"{one.count} answers: {percent(one.sure)} sure, {percent(one.true)} right"
            frame.dot((one.sure, one.true), "best", radius=4 + 10 * (one.count / self.count) ** 0.5, said=said)
        return frame.drawing()


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

"""`IntervalPlot`: a score and its interval on a line, for tables: all intervals of a table share one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from markupsafe import Markup

from autosft.report.charts.svg import Range, element, padded

WIDTH, HEIGHT = 120.0, 14.0


@dataclass(frozen=True)
class IntervalPlot:
    """The scale of a table's intervals."""

    scale: Range

    @classmethod
    def around(cls, intervals: Sequence[Range]) -> Self:
        """A scale that holds all of these."""
        return cls(padded([end for interval in intervals for end in interval]))

    def draw(self, value: float, interval: Range) -> Markup:
        """A dot at the value on a line over the interval; hidden from screen readers, as the numbers stand beside."""
        middle = HEIGHT / 2
        left, right = self._at(interval[0]), self._at(interval[1])
        line = element("line", x1=left, x2=right, y1=middle, y2=middle, class_="whisker")
        dot = element("circle", cx=self._at(value), cy=middle, r=4.0, class_="best")
        box = f"0 0 {WIDTH:g} {HEIGHT:g}"
        return element("svg", line, dot, viewBox=box, class_="interval", aria_hidden="true", focusable="false")

    def _at(self, value: float) -> float:
        low, high = self.scale
        return 4 + (WIDTH - 8) * min(1.0, max(0.0, (value - low) / (high - low)))

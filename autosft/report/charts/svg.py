"""`element`: a piece of SVG, escaped. `Frame`: a drawing with two linear axes.

Colours and sizes of type stand in the page's style sheet, so that light, dark and print need one drawing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

Point = tuple[float, float]
Range = tuple[float, float]

LEFT, RIGHT, TOP, BOTTOM = 66.0, 34.0, 32.0, 50.0
TICKS = 5


def element(name: str, *children: str, **attributes: object) -> Markup:
    """An SVG element. Underscores in names of attributes stand for hyphens; a last one is dropped, as in `class_`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{''.join(map(escape, children))}</{name}>")


def _short(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def ticks(low: float, high: float, count: int = TICKS, steps: Sequence[float] = (1, 2, 2.5, 5, 10)) -> list[float]:
    """Round numbers in [low, high], about `count` of them."""
    if not high > low:
        return [low]
    rough = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * factor for factor in steps if power * factor >= rough * 0.999), power * 10)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def padded(values: Iterable[float], fraction: float = 0.06) -> Range:
    """A range that holds all values, with some room; a single value gets room too."""
    numbers = list(values)
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    room = (high - low) * fraction or abs(high) * fraction or 0.5
    return low - room, high + room


def evenly(values: Sequence[float]) -> Callable[[float], str]:
    """How marks that are equally far apart are written: all with the same number of digits behind the point."""
    step = values[1] - values[0] if len(values) > 1 else 1.0
    digits = next((count for count in range(6) if abs(step * 10**count - round(step * 10**count)) < 1e-6), 6)
    return lambda value: f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


@dataclass
class Frame:
    """A drawing with two axes.

    Attributes:
        label: What it shows, for those who cannot see it.
        x, y: The ranges of the axes.
        x_name, y_name: What the axes mean.
        x_ticks, y_ticks: Where they are marked; round numbers by default.
        x_text, y_text: How a mark is written; by default as a number.
        width, height: In the drawing's own units; the page scales it.
    """

    label: str
    x: Range
    y: Range
    x_name: str = ""
    y_name: str = ""
    x_ticks: Sequence[float] | None = None
    y_ticks: Sequence[float] | None = None
    x_text: Callable[[float], str] | None = None
    y_text: Callable[[float], str] | None = None
    width: float = 720.0
    height: float = 300.0
    _parts: list[Markup] = field(default_factory=list[Markup])

    def at(self, point: Point) -> Point:
        """Where a pair of values is drawn; what lies outside of the ranges is drawn at their edge."""
        (left, right), (low, high) = self.x, self.y
        across = min(1.0, max(0.0, (point[0] - left) / ((right - left) or 1.0)))
        up = min(1.0, max(0.0, (point[1] - low) / ((high - low) or 1.0)))
        return (
            LEFT + across * (self.width - LEFT - RIGHT),
            self.height - BOTTOM - up * (self.height - TOP - BOTTOM),
        )

    def line(self, points: Sequence[Point], kind: str) -> None:
        """A line through the points; `kind` is its class in the style sheet."""
        if points:
            places = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.at, points))
            self._parts.append(element("polyline", points=places, class_=kind))

    def dot(self, point: Point, kind: str, *, radius: float = 4.0, said: str = "") -> None:
        """A point, and what it says to who points at it."""
        x, y = self.at(point)
        inside = (element("title", said),) if said else ()
        self._parts.append(element("circle", *inside, cx=x, cy=y, r=radius, class_=kind))

    def cross(self, point: Point, kind: str, said: str = "") -> None:
        """A point that failed."""
        x, y = self.at(point)
        inside = (element("title", said),) if said else ()
        path = f"M{x - 4:.1f} {y - 4:.1f}l8 8m-8 0l8 -8"
        self._parts.append(element("path", *inside, d=path, class_=kind))

    def box(self, low: Point, high: Point, kind: str, said: str = "") -> None:
        """A rectangle between two corners."""
        (left, bottom), (right, top) = self.at(low), self.at(high)
        inside = (element("title", said),) if said else ()
        sides = {"width": max(right - left, 0.0), "height": max(bottom - top, 0.0)}
        self._parts.append(element("rect", *inside, x=left, y=top, class_=kind, **sides))

    def words(self, point: Point, text: str, kind: str = "", *, anchor: str = "start", up: float = 0.0) -> None:
        """Words at a place, `up` units above it."""
        x, y = self.at(point)
        self._parts.append(element("text", text, x=x, y=y - up, text_anchor=anchor, class_=kind))

    def drawing(self) -> Markup:
        """The SVG, to be put into a page."""
        box = f"0 0 {self.width:g} {self.height:g}"
        inside = (*self._grid(), *self._parts)
        return element("svg", *inside, viewBox=box, role="img", aria_label=self.label, class_="chart")

    def _grid(self) -> Iterable[Markup]:
        left, right = LEFT, self.width - RIGHT
        marks = ticks(*self.y) if self.y_ticks is None else self.y_ticks
        write = self.y_text or evenly(marks)
        for value in marks:
            height = self.at((0, value))[1]
            yield element("line", x1=left, x2=right, y1=height, y2=height, class_="grid")
            yield element("text", write(value), x=left - 8, y=height + 5, text_anchor="end", class_="tick")
        marks = ticks(*self.x) if self.x_ticks is None else self.x_ticks
        write = self.x_text or evenly(marks)
        for value in marks:
            across, base = self.at((value, 0))[0], self.height - BOTTOM
            yield element("line", x1=across, x2=across, y1=base, y2=base + 5, class_="axis")
            yield element("text", write(value), x=across, y=base + 21, text_anchor="middle", class_="tick")
        base = self.height - BOTTOM
        yield element("line", x1=left, x2=right, y1=base, y2=base, class_="axis")
        yield element("text", self.y_name, x=4.0, y=16.0, class_="name")
        yield element("text", self.x_name, x=right, y=self.height - 6, text_anchor="end", class_="name")

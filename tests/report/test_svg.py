"""A drawing is escaped, stays inside its frame, and its axes have round marks."""

from __future__ import annotations

import xml.etree.ElementTree as xml

import pytest

from autosft.report.charts.svg import Frame, element, evenly, padded, ticks


def test_what_is_written_is_escaped():
    assert element("text", "<b>&", class_='"x"') == '<text class="&#34;x&#34;">&lt;b&gt;&amp;</text>'


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.87, 0.95, [0.88, 0.9, 0.92, 0.94]), (-3, 7, [-2, 0, 2, 4, 6]), (2, 2, [2])],
)
def test_marks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_marks_have_the_same_number_of_digits():
    assert [evenly([0.9, 0.95])(value) for value in (0.9, 0.95)] == ["0.90", "0.95"]
    assert evenly([-20, 0])(-20) == "\N{MINUS SIGN}20"


@pytest.mark.parametrize("values", [[], [3.0], [0.0, 0.0], [-1.0, 5.0]])
def test_a_range_holds_its_values_and_is_never_empty(values):
    low, high = padded(values)

    assert low < high and all(low < value < high for value in values)


def test_a_drawing_is_sound_xml_with_a_label_and_nothing_lies_outside():
    frame = Frame("shows <something>", (0, 10), (0, 1), "x", "y")
    frame.line([(-5, 2), (20, -1)], "best")
    frame.dot((5, 7), "best", said="far & off")
    frame.cross((5, -3), "failure", "gone")
    frame.box((1, 0), (2, 1), "phase")

    drawing = xml.fromstring(frame.drawing())

    assert drawing.get("role") == "img" and drawing.get("aria-label") == "shows <something>"
    (line,) = drawing.iter("polyline")
    places = [float(number) for pair in line.get("points").split() for number in pair.split(",")]
    assert max(places) <= frame.width and min(places) >= 0
    assert [title.text for title in drawing.iter("title")] == ["far & off", "gone"]

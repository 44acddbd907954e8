"""Drawings of a search: the score over time, and how trials learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup

from autosft.contracts.record import Record
from autosft.report.charts.svg import Frame, Point, Range, padded, ticks
from autosft.report.saved_run import SavedRun
from autosft.report.words import score, seconds, title

MOST_POINTS = 800
MOST_CURVES = 16
MOST_EPOCHS = 120

_CLOCK = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0)


def score_over_time(saved_run: SavedRun) -> Markup | None:
    """Each trial's score when it ended, the best so far, and the budget; None if no trial has a score or a time."""
    ended = [record for record in saved_run.records if record.ended is not None]
    timed = sorted(
        (record for record in saved_run.scored if record.ended is not None), key=lambda one: one.ended or 0.0
    )
    if not timed:
        return None
    budget = saved_run.spec["budget"]
    end = max([record.ended or 0.0 for record in ended] + [saved_run.seconds, budget or 0.0])
    frame = Frame(
        f"Validation {saved_run.metric} of {len(timed)} trials over time; best {score(saved_run.scored[0].score)}",
        (0.0, end * 1.01),
        _bulk([record.score or 0.0 for record in timed]),
        f"time since the search began ({_time_unit(end)[0]})",
        f"validation {saved_run.metric}",
        x_ticks=_clock_ticks(end),
        x_text=_time_unit(end)[1],
    )
    _phases(frame, saved_run, end)
    best, steps = _best_so_far(timed, saved_run.result.seconds["total"] if saved_run.result else saved_run.seconds)
    for record in _some(timed, best):
        kind = "crown" if record.number in best else "trial"
        frame.dot((record.ended or 0.0, record.score or 0.0), kind, said=f"{title(record)}: {score(record.score)}")
    for record in [one for one in ended if one.score is None][:MOST_POINTS]:
        frame.cross((record.ended or 0.0, frame.y[0]), "failure", f"{title(record)}: {record.state}, {record.error}")
    frame.line(steps, "best")
    return frame.drawing()


def learning_curves(saved_run: SavedRun) -> Sequence[tuple[str, Markup]]:
    """Validation score and training loss by epoch, of the best trials and those in the bundle that had epochs."""
    chosen = {record.number for record in saved_run.chosen}
    trained = [record for record in saved_run.scored if len(record.epochs) > 1]
    shown = [record for record in trained if record.number in chosen]
    shown += [record for record in trained if record.number not in chosen][: MOST_CURVES - len(shown)]
    if not shown:
        return ()
    scores = {record.number: _points([epoch.score for epoch in record.epochs]) for record in shown}
    losses = {record.number: _points([epoch.loss for epoch in record.epochs]) for record in shown}
    best = min(shown, key=Record.order).number
    drawings: list[tuple[str, Markup]] = []
    for name, curves in ((f"validation {saved_run.metric}", scores), ("training loss", losses)):
        values = [value for curve in curves.values() for _, value in curve]
        if not values:
            continue
        longest = max(epoch for curve in curves.values() for epoch, _ in curve)
        label = f"{name} by epoch of {len(shown)} trials"
        around = (min(1.0, longest - 1), longest)
        frame = Frame(label, around, _bulk(values), "epoch", name, _whole(longest), width=520.0, height=320.0)
        for record in reversed(shown):
            frame.line(curves[record.number], "best" if record.number == best else "curve")
        for record in reversed(shown):
            if curve := curves[record.number]:
                kind = "best" if record.number == best else "trial"
                frame.dot(curve[-1], kind, radius=3.5, said=f"{title(record)}: {score(curve[-1][1])}")
        drawings.append((name, frame.drawing()))
    return drawings


def _bulk(values: Sequence[float]) -> Range:
    """A range that holds the values, but for a lower tail of a tenth that lies far off."""
    low, middle, high = np.quantile(values, [0.1, 0.5, 1.0])
    floor = max(min(values), float(low) - 1.5 * float(high - min(low, middle)))
    return padded([floor, float(high)])


def _best_so_far(timed: Sequence[Record], end: float) -> tuple[set[int], list[Point]]:
    """The trials that were the best when they ended, and the line of the best score over time."""
    crowned: set[int] = set()
    steps: list[Point] = []
    highest = float("-inf")
    for record in timed:
        value, when = record.score or 0.0, record.ended or 0.0
        if value > highest:
            steps += [(when, highest), (when, value)] if steps else [(when, value)]
            highest = value
            crowned.add(record.number)
    return crowned, [*steps, (max(end, steps[-1][0]), highest)]


def _some(timed: Sequence[Record], kept: set[int]) -> Sequence[Record]:
    """At most `MOST_POINTS` trials, evenly over time, and all that were the best."""
    if len(timed) <= MOST_POINTS:
        return timed
    places = set(np.linspace(0, len(timed) - 1, MOST_POINTS).astype(int).tolist())
    return [record for place, record in enumerate(timed) if place in places or record.number in kept]


def _phases(frame: Frame, saved_run: SavedRun, end: float) -> None:
    """Shade what was no search: what came before the first trial, and what came after the last."""
    budget, (low, high) = saved_run.spec["budget"], frame.y
    if saved_run.result:
        phases = saved_run.result.seconds
        begun = phases.get("prepare", 0.0)
        over = begun + phases.get("search", 0.0)
        frame.box((0.0, low), (begun, high), "phase", f"preparing: {seconds(begun)}")
        frame.box((over, low), (phases["total"], high), "phase", f"finishing: {seconds(phases['total'] - over)}")
        for start, stop, name in ((0.0, begun, "prepare"), (over, phases["total"], "finish")):
            if (stop - start) > 0.08 * end:
                frame.words(((start + stop) / 2, low), name, "tick", anchor="middle", up=8)
    if budget:
        frame.line([(budget, low), (budget, high)], "limit")
        frame.words(
            (budget, high), f"budget {seconds(budget)}", "tick", anchor="end" if budget > end / 2 else "start", up=12
        )


def _clock_ticks(end: float) -> list[float]:
    step = next((step for step in _CLOCK if end / step <= 6), _CLOCK[-1] * max(1, round(end / _CLOCK[-1] / 5)))
    return [step * number for number in range(int(end / step) + 1)]


def _time_unit(end: float) -> tuple[str, Callable[[float], str]]:
    """How times up to `end` seconds are written along an axis, and what that is called."""
    if end < 120:
        return "s", lambda value: f"{value:.0f}"
    if end < 7200:
        return "min:s", lambda value: f"{value // 60:.0f}:{value % 60:02.0f}"
    return "h:min", lambda value: f"{value // 3600:.0f}:{value % 3600 // 60:02.0f}"


def _whole(longest: float) -> list[float]:
    return [value for value in ticks(1.0, longest, 6, (1, 2, 5, 10)) if value == round(value)]


def _points(values: Sequence[float | None]) -> list[Point]:
    points = [(float(epoch), value) for epoch, value in enumerate(values, start=1) if value is not None]
    if len(points) <= MOST_EPOCHS:
        return points
    return [points[place] for place in np.linspace(0, len(points) - 1, MOST_EPOCHS).astype(int)]

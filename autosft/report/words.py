"""How numbers and trials are written in a report."""

from __future__ import annotations

import json

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record

MINUS = "\N{MINUS SIGN}"


def score(value: float | None) -> str:
    """A score or a loss: four digits behind the point, or five in all if it is large."""
    if value is None:
        return ""
    return (f"{value:.4f}" if abs(value) < 100 else f"{value:.5g}").replace("-", MINUS)


def gain(value: float) -> str:
    """A difference of scores, with its sign."""
    return f"{value:+.4f}".replace("-", MINUS)


def digits(value: float, count: int = 3) -> str:
    """A number with so many digits behind the point."""
    return f"{value:.{count}f}".replace("-", MINUS)


def number(value: float, *, signed: bool = False) -> str:
    """A number with four digits in all."""
    return (f"{value:+.4g}" if signed else f"{value:.4g}").replace("-", MINUS)


def seconds(value: float | None) -> str:
    """A length of time in the two largest units that say something."""
    if value is None or value == float("inf"):
        return "no limit"
    if value < 10 and value != round(value):
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 100 and whole != 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, rest_minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {rest_minutes:02d} min" if rest_minutes else f"{hours} h"
    return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"


def count(value: int) -> str:
    """A whole number, in groups of three digits."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(value: float) -> str:
    """Bytes."""
    return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def parameters(value: int) -> str:
    """A number of weights."""
    if not value:
        return ""
    return f"{value / 1e6:.1f} M" if value >= 1e5 else count(value)


def percent(fraction: float) -> str:
    """A fraction."""
    if 0 < fraction <= 0.0005:
        return "under 0.1 %"
    return f"{100 * fraction:.1f} %" if 0.0005 < fraction < 0.9995 else f"{100 * fraction:.0f} %"


def plainly(value: object) -> str:
    """A value of a setting: words as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def several(number: int, one: str, many: str = "") -> str:
    """A number and what it counts."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def way(recipe: Recipe) -> str:
    """What was trained, in a few words."""
    rows = f", {count(recipe.rows)} rows" if recipe.rows else ""
    start = f" after {recipe.start.strategy}" if recipe.start else ""
    by = ", ".join(str(one.trial) for one in recipe.teacher)
    others = f", with trial{'s' if len(recipe.teacher) > 1 else ''} {by}" if by else ""
    more = f", {count(recipe.unlabeled)} rows without targets" if recipe.unlabeled else ""
    return f"{recipe.strategy}{start} on {recipe.backbone}{others}{rows}{more}"


def title(record: Record) -> str:
    """A trial in a few words."""
    return f"trial {record.number}, {way(record.recipe)}"


def model(record: Record) -> str:
    """A member of a bundle in a few words."""
    if not record.ingredients:
        return title(record)
    listed = ", ".join(map(str, record.ingredients))
    return f"soup of trials {listed} (their weights are averaged), {way(record.recipe)}"

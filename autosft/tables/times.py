"""Times as tables write them: numbers, ISO dates, and the other common ways, one way per column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

from autosft.errors import BadInput
from autosft.tables.columns import is_blank, label_of
from autosft.tables.numbers import find_decimal, to_number

Reader = Callable[[str], float | None]

_DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%d-%m-%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y")
_OTHERS = ("%Y/%m/%d", "%Y.%m.%d", "%Y-%m", "%Y/%m", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y")
_MORE = ("%B %d, %Y", "%b %d %Y", "%B %d %Y", "%b %Y", "%B %Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
_WITH_WEEKDAY = ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S UTC %Y")

_SAMPLE = 50
"""A way of writing times is taken for a column's only if it reads most of so many different cells."""

_LEAST = 0.5
"""A column of which no more cells than this fraction can be read in one way holds no times."""


def times_of(cells: Iterable[Any], name: str) -> list[float | None]:
    """Each cell's time: a number as it is, a date in seconds since 1970 (UTC, where it names no zone); None if the cell
    is missing or cannot be read.

    The column is read in the one way that reads most of its cells.

    Args:
        cells: The column.
        name: What it is called.

    Raises:
        BadInput: Most cells cannot be read, or the day and the month cannot be told apart.
    """
    texts = [None if is_blank(cell) else _text_of(cell) for cell in cells]
    different = list(dict.fromkeys(text for text in texts if text is not None))
    decimal = find_decimal(different)
    plain = [_reading(different, lambda text: to_number(text, decimal)), _reading(different, _iso)]
    written: list[dict[str, float]] = []
    if max(map(len, plain)) < len(different):
        sample = different[:: max(1, len(different) // _SAMPLE)][:_SAMPLE]
        likely = [read for read in _ways() if len(_reading(sample, read)) > _LEAST * len(sample)]
        written = [_reading(different, read) for read in likely]
    best = max([*plain, *written], key=len)
    if len(best) <= _LEAST * len(different):
        shown = ", ".join(map(repr, islice((text for text in different if text not in best), 3)))
        raise BadInput(
            f"Column {name!r} holds no times that can be read, such as {shown or 'none at all'}; "
            "write numbers, or dates as 2020-01-31."
        )
    for other in written:
        unlike = next((text for text in best if best[text] != other.get(text)), None)
        if len(other) == len(best) and unlike is not None:
            raise BadInput(
                f"Column {name!r}: {unlike!r} may be month first or day first, and no other row tells; "
                "write dates as 2020-01-31."
            )
    return [None if text is None else best.get(text) for text in texts]


def _text_of(cell: Any) -> str:
    """A cell in one line; Parquet has cells that are dates."""
    return cell.isoformat() if isinstance(cell, date) else label_of(cell)


def _reading(texts: Iterable[str], read: Reader) -> dict[str, float]:
    """What can be read, by text."""
    return {text: time for text in texts if (time := read(text)) is not None}


def _ways() -> list[Reader]:
    formats = [*_WITH_WEEKDAY, *(f"{day}{clock}" for day in _days() for clock in _CLOCKS)]
    return [*(_by(form) for form in formats), _mail]


def _days() -> tuple[str, ...]:
    return (*_DAY_FIRST, *_MONTH_FIRST, *_OTHERS, *_MORE)


def _by(form: str) -> Reader:
    def read(text: str) -> float | None:
        try:
            return _seconds(datetime.strptime(text, form))
        except ValueError:
            return None

    return read


def _iso(text: str) -> float | None:
    """A date of ISO 8601, maybe with a time of the day and a zone."""
    try:
        return _seconds(datetime.fromisoformat(text.removesuffix(" UTC")))
    except ValueError:
        return None


def _mail(text: str) -> float | None:
    """A date as mail and HTTP write it: `"Mon, 06 Jan 2020 10:00:00 +0000"`."""
    try:
        return _seconds(parsedate_to_datetime(text))
    except (TypeError, ValueError, IndexError):
        return None


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

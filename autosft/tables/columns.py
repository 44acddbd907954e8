"""What a column holds: how many different cells, of which kind, and what its name says. Gives no column a role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from autosft.tables.joined import are_numbers_of_labels
from autosft.tables.numbers import find_decimal, is_missing_number, to_number

Kind = Literal["empty", "number", "text", "list", "other"]

_ON, _OFF = frozenset({"1", "1.0", "true", "t", "yes", "y", "x"}), frozenset({"0", "0.0", "false", "f", "no", "n"})

_MOST_UNLIKE = 0.02
"""A column of numbers, or of yes and no, may have this fraction of cells that are none; they are skipped."""

_OBJECT = re.compile(r"\[?\s*\{\s*(\"[^\"]*\"|'[^']*')\s*:")
"""How an object of JSON or Python begins that was written as a text, or a list of them."""

_LONG = 100
"""Characters, on average, above which texts are prose and no labels."""

_GLANCE, _LEAST_NUMBERS = 1000, 0.1
"""If a smaller fraction of so many different cells are numbers, the others are not looked at."""


_SHOWN = 40
"""Characters of a cell that a reason names."""


@dataclass(frozen=True)
class Missing:
    """What is there and cannot be used, such as a target; the reason is for a `SkippedSample`."""

    reason: str


@dataclass(frozen=True)
class Profile:
    """What was seen of a column.

    Attributes:
        kind: What most cells are; `"other"` stands for objects and bytes.
        filled: How many cells are not missing.
        distinct: How many different labels there are among them; of lists, how many in all of them.
        numbers: How many cells are numbers.
        whole: Whether all of these are whole.
        decimal: Their decimal sign.
        said: The fraction of cells, but for words that stand for a missing number, that say yes or no.
        indicator: Whether that is what the column is for; a few cells of other words, or -1, are skipped.
        long: Whether texts are prose rather than labels.
    """

    kind: Kind
    filled: int
    distinct: int
    numbers: int = 0
    whole: bool = False
    decimal: str = "."
    said: float = 0.0
    indicator: bool = False
    long: bool = False

    @property
    def few(self) -> bool:
        """Whether each label is met often enough to be a class."""
        return 2 * self.distinct <= self.filled and (self.distinct <= 20 or 4 * self.distinct <= self.filled)

    @property
    def running(self) -> bool:
        """Whether these are the numbers of the rows, or the like: whole, and each another one."""
        return self.kind == "number" and self.whole and self.distinct == self.filled > 2


def profile(cells: Iterable[Any]) -> Profile:
    """Look at all cells of a column.

    Args:
        cells: As `Table.columns` has them; None is a missing one.
    """
    filled = [cell for cell in cells if not is_blank(cell)]
    lists = [cell for cell in filled if isinstance(cell, tuple)]
    others = sum(isinstance(cell, (dict, bytes)) for cell in filled)
    if not filled:
        return Profile("empty", 0, 0)
    if 2 * len(lists) > len(filled):
        return Profile("list", len(filled), len({label_of(part) for cell in lists for part in cell}))
    if 2 * (len(lists) + others) > len(filled):
        return Profile("other", len(filled), len(filled))
    counts = Counter(label_of(cell) for cell in filled)
    if 2 * sum(count for label, count in counts.items() if _OBJECT.match(label)) > len(filled):
        return Profile("other", len(filled), len(filled))
    said = _said(counts)
    if said == 1.0 and not any(map(is_missing_number, counts)):
        numbers = sum(count for label, count in counts.items() if to_number(label) is not None)
        kind: Kind = "number" if numbers == len(filled) else "text"
        return Profile(kind, len(filled), len(counts), numbers, whole=True, said=said, indicator=True)
    numeric = _of_numbers(counts, len(filled))
    if numeric is not None and numeric.numbers >= (1 - _MOST_UNLIKE) * numeric.filled:
        return replace(numeric, said=said, indicator=_says(counts, said))
    long = sum(len(label) * count for label, count in counts.items()) > _LONG * len(filled)
    return Profile(
        "text",
        len(filled),
        len(counts),
        numeric.numbers if numeric else 0,
        said=said,
        indicator=_says(counts, said),
        long=long,
    )


def _said(counts: Counter[str]) -> float:
    """The fraction of yes and no."""
    if len(counts) > _GLANCE:  # a few words say it
        return 0.0
    missing = sum(count for label, count in counts.items() if is_missing_number(label))
    there = sum(count for label, count in counts.items() if is_on(label) is not None)
    return there / max(1, counts.total() - missing)


def _of_numbers(counts: Counter[str], filled: int) -> Profile | None:
    """The cells as numbers; None if hardly any is one."""
    glance = [label for label in islice(counts, _GLANCE) if not is_missing_number(label)]
    decimal = find_decimal(glance)
    if sum(to_number(label, decimal) is not None for label in glance) < max(1, _LEAST_NUMBERS * len(glance)):
        return None
    if decimal == "," and are_numbers_of_labels(counts):
        return None
    missing = sum(count for label, count in counts.items() if is_missing_number(label))
    read = {label: to_number(label, decimal) for label in counts}
    numbers = {label: number for label, number in read.items() if number is not None}
    return Profile(
        kind="number",
        filled=filled - missing,
        distinct=len(set(numbers.values())),
        numbers=sum(counts[label] for label in numbers),
        whole=all(number.is_integer() for number in numbers.values()),
        decimal=decimal,
    )


def _says(counts: Counter[str], said: float) -> bool:
    """Whether cells are meant to say yes or no: all do, or some say each, and the few others are words, or -1."""
    words = {is_on(label) for label in counts}
    odd = [to_number(label) for label in counts if is_on(label) is None and not is_missing_number(label)]
    spared = {True, False} <= words and all(number in (None, -1.0) for number in odd)
    return said >= 1 - _MOST_UNLIKE and (not odd or spared)


def is_blank(cell: Any) -> bool:
    """Whether a cell is missing or nothing but blanks."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def is_nested(cell: Any) -> bool:
    """Whether a cell is a list, an object or bytes."""
    return isinstance(cell, (tuple, list, dict, bytes))


def shown(cell: Any) -> str:
    """A cell, quoted and cut, as a reason names it."""
    text = str(cell)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def texts_of(cells: Iterable[Any]) -> list[str]:
    """The cells that are texts and hold something."""
    return [cell for cell in cells if isinstance(cell, str) and not is_blank(cell)]


def label_of(cell: Any) -> str:
    """A cell as a label: without blanks around it; a 3.0 that is no text is 3."""
    if isinstance(cell, str):
        return cell.strip()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def number_label(label: str, decimal: str = ".") -> str | None:
    """A label among whole numbers: 1 for 1.0 and 1.00; None if it stands for a missing one."""
    if is_missing_number(label):
        return None
    number = None if label.lstrip("+-").isdigit() else to_number(label, decimal)
    return label if number is None or not number.is_integer() else label_of(number)


def is_on(cell: Any) -> bool | None:
    """What an indicator says; None if the cell is none."""
    word = label_of(cell).lower()
    return True if word in _ON else False if word in _OFF else None


def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, in lower case: `"labelText2"` is `("label", "text")`."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+", name))

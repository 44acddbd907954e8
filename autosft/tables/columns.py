"""What a column holds: how many different cells, of which kind, and what its name says. Gives no column a role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from autosft.tables.numbers import find_decimal, is_missing_number, to_number

Kind = Literal["empty", "indicator", "integer", "real", "text", "list", "other"]

_ON, _OFF = frozenset({"1", "true", "yes", "1.0", "x"}), frozenset({"0", "false", "no", "0.0"})

_MOST_UNLIKE = 0.02
"""A column of numbers may have this share of cells that are none; they become faults."""

_LONG = 100
"""Characters, on average, from which on texts are prose and no labels."""


@dataclass(frozen=True)
class Profile:
    """What was seen of a column.

    Attributes:
        kind: `"indicator"`: 0 or 1, yes or no; `"list"`: tuples; `"other"`: objects, bytes, dates.
        filled: How many cells are not missing.
        distinct: How many different ones there are among them, as labels.
        long: Whether they are prose rather than labels.
        decimal: The decimal sign of numbers.
    """

    kind: Kind
    filled: int
    distinct: int
    long: bool = False
    decimal: str = "."

    @property
    def few(self) -> bool:
        """Whether each cell is met often enough to be a class."""
        return 2 * self.distinct <= self.filled and (self.distinct <= 20 or 4 * self.distinct <= self.filled)

    @property
    def is_number(self) -> bool:
        """Whether the cells are numbers."""
        return self.kind in ("indicator", "integer", "real")


def profile(cells: Iterable[Any]) -> Profile:
    """Look at all cells of a column."""
    filled = [cell for cell in cells if not is_blank(cell)]
    if not filled:
        return Profile("empty", 0, 0)
    if isinstance(filled[0], tuple):
        return Profile("list", len(filled), len(set(map(repr, filled))))
    if isinstance(filled[0], (dict, bytes)):
        return Profile("other", len(filled), len(filled))
    counts = Counter(map(label_of, filled))
    long = sum(len(label) * count for label, count in counts.items()) > _LONG * len(filled)
    if all(is_on(label) is not None for label in counts):
        return Profile("indicator", len(filled), len(counts))
    values = {
        label: cell for label, cell in zip(counts, dict.fromkeys(counts), strict=True) if not is_missing_number(cell)
    }
    decimal = find_decimal(values)
    numbers = {label: to_number(cell, decimal) for label, cell in values.items()}
    wrong = sum(counts[label] for label, number in numbers.items() if number is None)
    if numbers and wrong <= _MOST_UNLIKE * len(filled):
        whole = all(number is None or number.is_integer() for number in numbers.values())
        kept = {number for number in numbers.values() if number is not None}
        rows = sum(counts[label] for label in numbers) - wrong
        return Profile("integer" if whole else "real", rows, len(kept), decimal=decimal)
    return Profile("text", len(filled), len(counts), long)


def is_blank(cell: Any) -> bool:
    """Whether a cell is missing or nothing but blanks."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def label_of(cell: Any) -> str:
    """A cell as a label: without blanks around it; 3.0 of a format with numbers is 3."""
    if isinstance(cell, str):
        return cell.strip()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def is_on(cell: Any) -> bool | None:
    """What an indicator says; None if the cell is none."""
    word = label_of(cell).lower()
    return True if word in _ON else False if word in _OFF else None


def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, in lower case: `"labelText2"` is `("label", "text")`."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+", name))

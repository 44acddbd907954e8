"""Numbers as people write them: decimal points and commas, thousands, words for a missing one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

MISSING_WORDS = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-", "--"})
"""What stands for a missing number, in lower case. Among labels they are labels."""

_LONGEST = 64
"""Characters from which on a text is no number."""

_THOUSANDS = {
    ".": re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?"),
    ",": re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?"),
}
_COMMA = re.compile(r"[+-]?\d*,\d+")


def is_missing_number(cell: Any) -> bool:
    """Whether a cell of a column of numbers says that there is none."""
    return cell is None or (isinstance(cell, str) and len(cell) < _LONGEST and cell.strip().lower() in MISSING_WORDS)


def to_number(cell: Any, decimal: str = ".") -> float | None:
    """A cell's number; None if it is not one, or not finite.

    Args:
        cell: A cell that is not missing.
        decimal: `"."` or `","`; the other may part thousands.
    """
    if isinstance(cell, str):
        text = cell.strip() if len(cell) < _LONGEST else ""
        if "_" in text:  # Python's own way of parting thousands, and that of many names
            return None
        if _THOUSANDS[decimal].fullmatch(text):
            text = text.replace("," if decimal == "." else ".", "")
        cell = text.replace(",", ".") if decimal == "," else text
    elif isinstance(cell, bytes):
        return None
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def find_decimal(cells: Iterable[Any]) -> str:
    """The decimal sign of a column: a comma if a cell is a number with a comma alone, or has two points or more between
    thousands, and none is a number with a point alone."""
    comma = False
    for cell in cells:
        text = cell.strip() if isinstance(cell, str) else ""
        if "," in text:
            comma = comma or (_COMMA.fullmatch(text) is not None and to_number(text) is None)
        elif text.count(".") > 1:
            comma = comma or _THOUSANDS[","].fullmatch(text) is not None
        elif "." in text and to_number(text) is not None and not _THOUSANDS[","].fullmatch(text):
            return "."
    return "," if comma else "."

"""Numbers as people write them: decimal points and commas, thousands, words for a missing one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

MISSING_WORDS = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-", "--"})
"""What stands for a missing number, in lower case. Among labels they are labels."""

_THOUSANDS = {".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"), ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")}
_COMMA = re.compile(r"[+-]?\d*,\d+")


def is_missing_number(cell: Any) -> bool:
    """Whether a cell of a column of numbers says that there is none."""
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING_WORDS)


def to_number(cell: Any, decimal: str = ".") -> float | None:
    """A cell's number; None if it is not one, or not finite.

    Args:
        cell: A cell that is not missing.
        decimal: `"."` or `","`; the other may part thousands.
    """
    if isinstance(cell, str):
        text = cell.strip()
        if not text or "_" in text:
            return None
        if _THOUSANDS[decimal].fullmatch(text):
            text = text.replace("," if decimal == "." else ".", "")
        text = text.replace(",", ".") if decimal == "," else text
    elif isinstance(cell, (tuple, dict, bytes)):
        return None
    else:
        text = cell
    try:
        number = float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def find_decimal(cells: Iterable[Any]) -> str:
    """The decimal sign of a column: a comma if some cell can be read with a comma alone, and none with a point alone."""
    comma = False
    for cell in cells:
        if not isinstance(cell, str):
            continue
        if "," not in cell:
            if "." in cell and to_number(cell) is not None and not _THOUSANDS[","].fullmatch(cell.strip()):
                return "."
            continue
        if to_number(cell) is None and _COMMA.fullmatch(cell.strip()):
            comma = True
    return "," if comma else "."

"""Several labels in one cell: are they, and by what are they joined? Knows no table."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence

SEPARATORS = ("|", ";", ",", " ")

AS_LIST = "[]"
"""In place of a separator: each cell is a list as Python or JSON writes it."""

_MOST_LABELS = 2000
_MOST_PER_ROW = 50


def parts_of(cell: str, separator: str) -> tuple[str, ...]:
    """The labels of a cell, each once and sorted.

    Raises:
        ValueError: The cell is no list, where it should be one.
    """
    text = cell.strip()
    if separator == AS_LIST:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            raise ValueError("not a list of labels") from None
        if not isinstance(value, (list, tuple, set)):
            raise ValueError("not a list of labels")
        return tuple(sorted({str(part).strip() for part in value} - {""}))
    parts = text.split(separator) if separator else [text]
    return tuple(sorted({part.strip() for part in parts} - {""}))


def find_separator(cells: Iterable[str], *, sure: bool = False) -> str:
    """What joins the labels of a column's cells; empty if nothing does.

    A separator joins labels if the parts are met again in other cells, and alone or in other company: then there are
    fewer parts than whole cells. Names of single labels with commas or blanks have more. A blank must do so more clearly,
    as names have blanks most of all.

    Args:
        cells: Cells that are not missing.
        sure: The user has said that there are several labels.
    """
    counts = Counter(cell.strip() for cell in cells)
    if not counts:
        return ""
    lists = sum(text[:1] == "[" and text[-1:] == "]" for text in counts)
    if lists == len(counts):
        return AS_LIST
    return next((one for one in SEPARATORS if _joins(counts, one, sure=sure)), "")


def _joins(counts: Counter[str], separator: str, *, sure: bool) -> bool:
    sets = {whole: parts_of(whole, separator) for whole in counts}
    several = {whole: parts for whole, parts in sets.items() if len(parts) > 1}
    labels = {part for parts in sets.values() for part in parts}
    if not several or (not sure and len(labels) > _MOST_LABELS):
        return False
    if max(map(len, several.values())) > _MOST_PER_ROW or _repeats(several, separator):
        return False
    if sure and separator != " ":
        return True
    wholes = Counter(part for parts in sets.values() for part in parts)
    shared = sum(wholes[part] > 1 for parts in several.values() for part in parts)
    company = shared / sum(map(len, several.values()))
    if separator == " ":
        first = {whole.split()[0] for whole in several}
        alone = {whole for whole, parts in sets.items() if len(parts) == 1}
        free = sum(label in alone for label in labels) / len(labels)
        return len(sets) > 2 * len(labels) and company > 0.9 and free > 0.5 and len(first) > len(labels) / 3
    return company > 0.6 and len(sets) > len(labels)


def _repeats(several: dict[str, tuple[str, ...]], separator: str) -> bool:
    """Whether many cells name a part twice, as sentences do and sets of labels do not."""
    pieces: dict[str, Sequence[str]] = {
        whole: [part for part in whole.split(separator) if part.strip()] for whole in several
    }
    return sum(len(pieces[whole]) > len(parts) for whole, parts in several.items()) > 0.05 * len(several)

"""Several labels in one cell: are they, and by what are they joined? Knows no table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

SEPARATORS = ("|", ";", ",", " ")

AS_LIST = "[]"
"""In place of a separator: each cell is a list, a tuple or a set, as Python, NumPy or JSON writes it."""

_BRACKETS, _EMPTY_SET = frozenset({"[]", "()", "{}"}), "set()"

_BITS = frozenset({"0", "1", "0.0", "1.0", "0.", "1.", "False", "True", "false", "true"})

_PIECE = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,'"\s][^,'"]*)""")
_NUMBERS = re.compile(r"\d+\.?\d*(?:\s+\d+\.?\d*)*")
_IDS = re.compile(r"(?:0|[1-9]\d*)(?:,(?:0|[1-9]\d*))*")

_MOST_LABELS, _MOST_PER_CELL = 2000, 50
"""More different parts, or more in one cell, are the words of prose."""

_COMPANY, _COMPANY_OF_WORDS = 0.6, 0.9
"""The fraction of parts, counted in cells of several, that are met in other cells too."""

_REPEATING = 0.05
"""Above this fraction of cells that say a part twice they are sentences, not sets."""


def pieces_of(cell: Any, separator: str) -> list[str]:
    """What a cell says, in its order: a list's own parts, or those of a text; blanks are none."""
    if isinstance(cell, tuple):
        return [text for part in cast("tuple[Any, ...]", cell) if (text := str(part).strip()) and part is not None]
    return [] if cell is None else _pieces(str(cell), separator)


def are_hot(cells: Iterable[Any], separator: str) -> bool:
    """Whether each cell is a 0 or 1 per label, as long a list in all: sets of labels would not say one twice."""
    lists = [pieces_of(cell, separator) for cell in cells]
    lists = [pieces for pieces in lists if pieces]
    alike = len({len(pieces) for pieces in lists}) == 1 and len(lists[0]) > 1
    return (
        alike
        and {one for pieces in lists for one in pieces} <= _BITS
        and any(len(set(one)) < len(one) for one in lists)
    )


def parts_of(cell: str, separator: str) -> tuple[str, ...]:
    """The labels of a cell, each once and sorted; with an empty separator the cell is one label."""
    return tuple(sorted(set(_pieces(cell, separator))))


def _pieces(cell: str, separator: str) -> list[str]:
    text = cell.strip()
    if separator != AS_LIST:
        pieces = text.split(separator) if separator else [text]
    elif text == _EMPTY_SET:
        pieces = []
    elif _NUMBERS.fullmatch(inner := text[1:-1].strip()):
        pieces = inner.split()
    else:
        found = ((match[1] or match[2] or match[3] or "") for match in _PIECE.finditer(inner))
        pieces = [re.sub(r"\\(.)", r"\1", piece) for piece in found]
    return [piece.strip() for piece in pieces if piece.strip()]


def find_separator(cells: Iterable[str], *, sure: bool = False) -> str:
    """What joins the labels of a column's cells; empty if nothing does.

    A separator joins labels if their parts are met again in other cells, in other company, so that there are fewer
    parts than whole cells; names of single labels with commas or blanks have more. But for `|`, which names do not
    have, the cells must also differ in their number of parts, as pairs such as brand and color do not. Blanks, which
    names have most of all, must do so more clearly.

    Args:
        cells: Cells that are not missing.
        sure: The user has said that there are several labels.
    """
    counts = Counter(cell.strip() for cell in cells)
    if counts and all(text[:1] + text[-1:] in _BRACKETS or text == _EMPTY_SET for text in counts):
        squared = all(text[:1] == "[" for text in counts)
        if squared or any("," in text or "'" in text or '"' in text for text in counts):  # "(a)" is a label
            return AS_LIST
    return next((separator for separator in SEPARATORS if _joins(counts, separator, sure=sure)), "")


def _joins(counts: Counter[str], separator: str, *, sure: bool) -> bool:
    pieces = {whole: _pieces(whole, separator) for whole in counts}
    sets = {whole: set(parts) for whole, parts in pieces.items()}
    several = [whole for whole, parts in sets.items() if len(parts) > 1]
    wholes = Counter(part for parts in sets.values() for part in parts)
    if not several or max(map(len, sets.values())) > _MOST_PER_CELL:
        return False
    if sum(len(pieces[whole]) > len(sets[whole]) for whole in several) > _REPEATING * len(several):
        return False
    if sure and separator != " ":
        return True
    slots = [part for whole in several for part in sets[whole]]
    company = sum(wholes[part] > 1 for part in slots) / len(slots)
    alike = len({len(parts) for parts in sets.values()}) < 2
    if len(wholes) > _MOST_LABELS or len(sets) <= len(wholes) or company < _COMPANY or (alike and separator != "|"):
        return False
    return separator != " " or (company > _COMPANY_OF_WORDS and _are_free(pieces, wholes))


def _are_free(pieces: dict[str, list[str]], wholes: Counter[str]) -> bool:
    """Whether words stand for themselves: far fewer than cells, mostly met alone too, and in no fixed place."""
    alone = {parts[0] for parts in pieces.values() if len(parts) == 1}
    first = {parts[0] for parts in pieces.values() if len(parts) > 1}
    return len(pieces) > 2 * len(wholes) and 2 * len(alone) > len(wholes) and 3 * len(first) > len(wholes)


def are_numbers_of_labels(counts: Counter[str]) -> bool:
    """Whether cells such as `3,15` are numbers of labels, and not numbers with a decimal comma.

    Then most cells have one of them, and none has a number twice or with a zero before it.
    """
    joined = sum(count for cell, count in counts.items() if "," in cell)
    for cell in counts:
        parts = cell.split(",")
        if not _IDS.fullmatch(cell) or len(set(parts)) < len(parts):
            return False
    return 2 * joined <= counts.total()

"""Which columns of a table hold prose, and which name files. By what cells look like; assumes no language."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autosft.api.inputs import Table, is_blank, profile

_SEEN = 200
"""Cells of a column that are looked at."""

_WORDS = 3
"""A cell with so many words is prose."""

_LETTERS = 6
"""So is one with so many letters of a script without case, as in Chinese, Thai or Arabic: there blanks say little."""

_FRACTION = 0.4
"""A column is prose if this fraction of its cells is: among chat messages many are of a word or two."""

_FEWER, _SHORT = 0.25, 40
"""With fewer different cells than this fraction of all, and less characters than this on average, they are names of
something."""


def prose_columns(table: Table) -> list[str]:
    """The columns whose cells look like natural text, in the order of the table."""
    return [name for name, cells in table.columns.items() if _is_prose(cells)]


def telling_columns(table: Table) -> list[str]:
    """The columns that say anything: not empty, and not the numbers of the rows."""
    seen = {name: profile(cells) for name, cells in table.columns.items()}
    return [name for name, one in seen.items() if one.kind != "empty" and not one.running]


def names_files(cells: Iterable[Any], folder: Path) -> bool:
    """Whether most cells are paths of files that exist, from the folder or from anywhere."""
    shown = [cell for cell in _filled(cells)[:20] if isinstance(cell, str)]
    return bool(shown) and 2 * sum(_is_file(cell, folder) for cell in shown) > len(shown)


def _is_file(cell: str, folder: Path) -> bool:
    try:
        return len(cell) < 1000 and (folder / cell).is_file()
    except (OSError, ValueError):  # too long a name, or a NUL in it
        return False


def _is_prose(cells: Iterable[Any]) -> bool:
    filled = _filled(cells)
    texts = [cell for cell in filled if isinstance(cell, str)]
    if not texts or 2 * len(texts) < len(filled):
        return False
    seen = texts[:: max(1, len(texts) // _SEEN)][:_SEEN]
    short = sum(map(len, seen)) < _SHORT * len(seen)
    if short and len(set(texts)) < _FEWER * len(texts):
        return False
    return sum(map(_reads_like_prose, seen)) >= _FRACTION * len(seen)


def _reads_like_prose(text: str) -> bool:
    text = text[:1000]
    words = sum(any(map(str.isalpha, word)) for word in text.split())
    return words >= _WORDS or sum(unicodedata.category(letter) == "Lo" for letter in text) >= _LETTERS


def _filled(cells: Iterable[Any]) -> list[Any]:
    return [cell for cell in cells if not is_blank(cell)]

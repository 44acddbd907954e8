"""Rows of text as CSV and as a table of Markdown, and values as a data frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autosft.errors import PartMissing

if TYPE_CHECKING:
    from pandas import DataFrame


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A header and the rows, as RFC 4180 has them."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([row[name] for name in columns] for row in rows)
    return stream.getvalue()


def as_markdown(columns: Sequence[str], rows: Iterable[Mapping[str, str]], right: Iterable[str] = ()) -> str:
    """A pipe table, as GitHub Flavored Markdown has it.

    Args:
        columns: The names of the columns.
        rows: The cells by column.
        right: The columns that are aligned to the right.
    """
    to_right = set(right)
    aligned = ["---:" if name in to_right else "---" for name in columns]
    lines = [columns, aligned, *([_escaped(row[name]) for name in columns] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def as_frame(columns: Sequence[str], values: Iterable[Mapping[str, Any]]) -> DataFrame:
    """A pandas data frame.

    Raises:
        PartMissing: pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise PartMissing('A leaderboard as a data frame needs pandas: pip install "autosft[pandas]".') from error
    return DataFrame(list(values), columns=list(columns))


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("\\", "\\\\").replace("|", "\\|").split())

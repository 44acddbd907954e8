"""Records from lines in a known dialect. A quote that is never closed swallows no more than its own line."""

from __future__ import annotations

import csv
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from autosft.tables.formats.dialect import Dialect

_LONGEST_CELL = 2**31 - 1

_limit = threading.Lock()


@contextmanager
def long_cells() -> Iterator[None]:
    """Cells of any length, which Python's csv allows for the whole process alone."""
    with _limit:
        before = csv.field_size_limit(_LONGEST_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def records_of(lines: Iterator[str], dialect: Dialect, allowance: int) -> Iterator[tuple[int, list[str] | str]]:
    """Each record with the number of its first line; a text instead of cells says why it cannot be read.

    Args:
        lines: Lines with their ends.
        dialect: How cells are told apart.
        allowance: How many characters may be read again, after a quote that has swallowed lines.
    """
    feed = _Feed(lines, allowance)
    reader = dialect.reader(feed)
    while True:
        line = feed.begin()
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            feed.rewind()
            yield line, "a quote that is never closed" if "end of data" in str(error) else "text after a closing quote"
        else:
            if record:
                yield line, record


class _Feed:
    """Lines for a reader, with those of the current record at hand, so that all but its first can be read again."""

    def __init__(self, lines: Iterator[str], allowance: int) -> None:
        self._lines = lines
        self._number = 0
        self._taken: list[str] = []
        self._again: deque[str] = deque()
        self._allowance = allowance

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        return line

    def begin(self) -> int:
        """Forget the record before; gives the number of the line at which the next one begins."""
        self._number += len(self._taken)
        self._taken = []
        return self._number + 1

    def rewind(self) -> None:
        """Give the lines after the current record's first one again."""
        rest = self._taken[1:]
        self._allowance -= sum(map(len, rest))
        if self._allowance > 0:
            self._again.extendleft(reversed(rest))
            self._taken = self._taken[:1]

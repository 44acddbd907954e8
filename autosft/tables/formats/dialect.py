"""The dialect of a text table, from its first lines: separator, quotes, header. Reads no file.

Python's own `csv.Sniffer` takes prose with commas for columns and does not know files without quotes. Here, as by van
den Burg, Nazábal and Sutton (Wrangling messy CSV files by detecting row and type patterns, 2019), every dialect is
tried, and the one wins whose rows are alike and whose cells look whole.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from autosft.tables.numbers import is_missing_number, to_number

SEPARATORS = (",", "\t", ";", "|")
_NONE = "\x1f"
"""Separates units in ASCII, and occurs in no text: the separator of a table of one column."""

_CELLS = 20_000
"""Cells of a sample that are looked at, so that very wide tables take no longer."""

_LEAST = 0.8
"""Below this fraction of equally long rows it takes a header of that length to believe in columns."""

_LEAST_BELOW_HEADER = 0.3

_SHORT_RUN = 3
"""So many running numbers may be cells by chance."""

_DECISIVE = 3.0
"""The vote of a cell that makes the first record a header, whatever the others are."""

_STRANGE_HEAD = 0.25
"""What a dialect is worth in which the first row has another length than the usual one."""

_NAME = re.compile(r"[^\W\d][\w .:/()#-]{0,40}", re.UNICODE)
# fmt: off
_KNOWN = frozenset({
    "id", "index", "name", "date", "split", "text", "sentence", "title", "body", "content", "document", "review",
    "comment", "message", "question", "utterance", "tweet", "transcript", "path", "file", "filename", "image", "audio",
    "clip", "url", "label", "labels", "target", "class", "category", "sentiment", "score", "rating", "intent", "topic",
    "emotion", "y",
})
# fmt: on
"""Names that columns have, and hardly a cell."""


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart.

    Attributes:
        separator: One character; empty for a table of one column.
        quote: The character around cells that hold separators; empty if quotes mean nothing.
        escape: Whether a backslash takes a quote's meaning away, instead of a second quote.
        skip_blanks: Whether blanks after a separator are no part of a cell.
    """

    separator: str
    quote: str = '"'
    escape: bool = False
    skip_blanks: bool = False

    @property
    def words(self) -> str:
        """For the user."""
        if not self.separator:
            return "one column"
        named = f"separator {'tab' if self.separator == chr(9) else repr(self.separator)}"
        quotes = "" if self.quote == '"' else f", quote {self.quote!r}" if self.quote else ", quotes mean nothing"
        return named + quotes + (", backslash before quotes" if self.escape else "")

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """Records of lines. Raises `csv.Error` where a quote is not closed or followed by more than a separator."""
        return csv.reader(
            lines,
            delimiter=self.separator or _NONE,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            doublequote=not self.escape,
            escapechar="\\" if self.escape else None,
            skipinitialspace=self.skip_blanks,
            strict=True,
        )


def variants(separator: str, sample: str) -> Iterator[Dialect]:
    """The ways of quoting that a sample gives reason to try with a separator, most usual first."""
    yield Dialect(separator)
    if '\\"' in sample:
        yield Dialect(separator, escape=True)
    if f'{separator} "' in sample:
        yield Dialect(separator, skip_blanks=True)
    if '"' in sample:
        yield Dialect(separator, "")
    edge = rf"{re.escape(separator)}|[\r\n]"
    if re.search(rf"(?:^|{edge})'(?:[^'\r\n]|'')*'(?:$|{edge})", sample):
        yield Dialect(separator, "'")


def find_dialect(lines: Sequence[str], preferred: str = ",", *, sure: bool = False) -> Dialect:
    """The dialect of a table's first lines; ends of lines included.

    Args:
        lines: The first lines of the file.
        preferred: The separator that the file's name speaks for.
        sure: Whether it is no other.
    """
    sample = "".join(lines)
    order = sorted((one for one in SEPARATORS if one in sample), key=lambda one: one != preferred)
    order = [preferred] if sure else order
    best, highest = Dialect(preferred if sure else ""), 0.0
    for separator in order:
        for dialect in variants(separator, sample):
            score = _score(parse_sample(lines, dialect), separator)
            if score > highest + 1e-3:
                best, highest = dialect, score
    return best


def parse_sample(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """Records of a sample; a broken one becomes a record of one cell, the last one is dropped where it was cut off."""
    records: list[list[str]] = []
    reader = dialect.reader(iter(lines))
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return records
        except csv.Error as error:
            if "end of data" not in str(error):
                records.append(["broken"])
            continue
        if record:
            records.append(record)


def _score(records: list[list[str]], separator: str) -> float:
    """From 0 to 1: the squared fraction of rows of the usual length, times the fraction of cells that look whole."""
    if not records:
        return 0.0
    widths = Counter(map(len, records))
    width = max(widths, key=lambda one: (widths[one], one))
    fraction = sum(len(record) >= width and not any(record[width:]) for record in records) / len(records)
    headed = len(records[0]) == width and all(_NAME.fullmatch(cell.strip()) for cell in records[0])
    if width < 2 or fraction < (_LEAST_BELOW_HEADER if headed else _LEAST):
        return 0.0
    others = "".join(one for one in SEPARATORS if one != separator)
    glued = re.compile(rf"[^\s{re.escape(others)}][{re.escape(others)}](?=[^\s{re.escape(others)}])")
    cells = list(islice((cell for record in records for cell in record), _CELLS))
    whole = sum(_is_whole(cell, glued) for cell in cells) / len(cells)
    strange = len(records[0]) < 2 or abs(len(records[0]) - width) > 1  # off by one: R's names of rows, an empty end
    return fraction * fraction * whole * (_STRANGE_HEAD if strange else 1.0)


def _is_whole(cell: str, glued: re.Pattern[str]) -> bool:
    """Whether a cell seems to be read as it was meant: without quotes at its ends, nor another separator in it."""
    text = cell.strip()
    if text.startswith('"') or text.endswith('"') or (len(text) > 1 and text[0] == text[-1] == "'"):
        return False
    return _is_number(text) or not glued.search(cell[:1000])


def header_vote(records: list[list[str]]) -> float:
    """Above 0 if the first record names the columns, below if it is one of the rows.

    By what its cells have, and have not, in common with those below: a text above numbers is a name, a number above
    numbers is none, nor is a cell that is met again. Running numbers, such as years or those of pixels, say nothing.
    """
    first, body = records[0], [record for record in records[1:] if len(record) == len(records[0])]
    if not body:
        return -1.0 if any(to_number(cell) is not None for cell in first) else 0.0
    rows = max(20, _CELLS // max(1, len(first)))
    heads = [head for head in map(to_number, first) if head is not None]
    running = len(heads) > _SHORT_RUN and all(after == head + 1 for head, after in pairwise(heads))
    votes = [
        _vote(cell, [record[place] for record in body[:rows]])
        for place, cell in enumerate(first)
        if not (running and _is_number(cell))
    ] or [-1.0]
    return max(votes) if max(votes) >= _DECISIVE else sum(votes)


def _vote(head: str, cells: list[str]) -> float:
    """What a column's first cell says of the first record."""
    head = head.strip()
    filled = [cell.strip() for cell in cells if not is_missing_number(cell)]
    if not head or not filled:
        return 0.0
    distinct = len(set(filled))
    if head in filled:
        return -2.0
    if head.lower() in _KNOWN:
        return _DECISIVE
    if sum(map(_is_number, filled)) > 0.9 * len(filled):
        return -2.0 if _is_number(head) else 0.0 if is_missing_number(head) else _DECISIVE
    if not _NAME.fullmatch(head):
        return -1.0
    if distinct <= 0.2 * len(filled):  # a label that only the first row has is improbable
        return 1.0
    typical = sorted(map(len, filled))[len(filled) // 2]
    return 1.0 if typical > 3 * len(head) and head.count(" ") < 3 else -0.5 if head.count(" ") >= 3 else 0.0


def _is_number(cell: str) -> bool:
    return to_number(cell) is not None or to_number(cell, ",") is not None

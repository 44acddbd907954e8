"""Which format a file is in, by its suffix and its first lines."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Literal

from autosft.errors import BadInput
from autosft.tables.formats.dialect import find_dialect
from autosft.tables.formats.encoding import find_encoding, open_text

Format = Literal["text", "jsonl", "json", "parquet", ""]

_BY_SUFFIX: dict[str, Format] = {
    ".csv": "text",
    ".tsv": "text",
    ".tab": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_GLANCE, _LONGEST_LINE = 4096, 1 << 20
_LEAST_LINES = 2

SUFFIXES = frozenset({*_BY_SUFFIX, ".json", ".txt"})
"""The endings of files that may be tables; those of the last two often are something else."""


def format_of(path: Path) -> Format:
    """The format of a file; empty if it is no table.

    Raises:
        OSError: It cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES or not path.is_file():
        return ""
    with path.open("rb") as stream:
        start = stream.read(_GLANCE)
    if start.startswith(b"PAR1"):
        return "parquet"
    if suffix == ".json":
        return _of_json(path)
    if suffix == ".txt":
        return "text" if _has_columns(path) else ""
    return _BY_SUFFIX[suffix]


def _of_json(path: Path) -> Format:
    """An array of objects, or objects line by line as some tools write them."""
    with path.open("rb") as stream:
        first = _bare(stream.readline(_LONGEST_LINE))
        while first in (b"", b"[") and (line := stream.readline(_LONGEST_LINE)):
            first += _bare(line)
        if first.startswith(b"["):
            return "json" if first[1:].lstrip().startswith(b"{") else ""
        alone = first.startswith(b"{") and first.endswith(b"}")
        return "jsonl" if alone and _bare(stream.read(_GLANCE)).startswith(b"{") else ""


def _bare(line: bytes) -> bytes:
    """What a line says in ASCII, whether it is written in UTF-8 or UTF-16."""
    return line.removeprefix(codecs.BOM_UTF8).replace(b"\0", b"").strip(b"\xff\xfe \t\r\n")


def _has_columns(path: Path) -> bool:
    """Whether the first lines of a text are cells in columns, and not prose."""
    try:
        encoding = find_encoding(path, quick=True)
    except BadInput:
        return False
    with open_text(path, encoding) as stream:
        lines = stream.read(_GLANCE).splitlines(keepends=True)[:-1]
    return len(lines) >= _LEAST_LINES and bool(find_dialect(lines, "\t").separator)

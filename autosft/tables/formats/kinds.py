"""Which format a file is in, by its suffix and first bytes. Reads a few kilobytes at most."""

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
_GLANCE = 4096
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
        return _of_json(start)
    if suffix == ".txt":
        return "text" if _has_columns(path) else ""
    return _BY_SUFFIX[suffix]


def _of_json(start: bytes) -> Format:
    """An array of objects, or objects line by line as some tools write them."""
    text = start.removeprefix(codecs.BOM_UTF8).replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    if text.startswith(b"["):
        return "json" if text[1:].lstrip()[:1] == b"{" else ""
    first, _, rest = text.partition(b"\n")
    alone = text.startswith(b"{") and first.rstrip().endswith(b"}")
    return "jsonl" if alone and rest.lstrip()[:1] == b"{" else ""


def _has_columns(path: Path) -> bool:
    """Whether the first lines of a text are cells in columns, and not prose."""
    try:
        encoding = find_encoding(path, quick=True)
    except BadInput:
        return False
    with open_text(path, encoding) as stream:
        lines = stream.read(_GLANCE).splitlines(keepends=True)[:-1]
    return len(lines) >= _LEAST_LINES and bool(find_dialect(lines, "\t").separator)

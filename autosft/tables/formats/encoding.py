"""How the bytes of a text file become characters, and whether they are text at all. Knows nothing of tables."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from autosft.contracts.rows import printable
from autosft.errors import BadInput

_CHUNK = 1 << 20
_GLANCE = 1 << 16
"""Bytes by which text is told from binary data."""

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORDS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}

_BINARY = {
    b"PK\x03\x04": "a zip archive or an Excel workbook (save the sheet as CSV)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (save the sheet as CSV)",
    b"\x1f\x8b": "compressed by gzip (unpack it)",
    b"BZh": "compressed by bzip2 (unpack it)",
    b"\xfd7zXZ": "compressed by xz (unpack it)",
    b"\x28\xb5\x2f\xfd": "compressed by zstd (unpack it)",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x7fELF": "a program",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
}

_CONTROLS = bytes(code for code in range(1, 32) if code not in b"\t\n\v\f\r\x1b\x1c\x1d\x1e\x1f") + b"\x7f"
_MOST_CONTROLS, _MOST_NULS = 0.05, 0.3
"""Above these fractions of the first bytes a file is no text; random bytes have a tenth of control characters."""

_LEAST_ZEROS = 0.05
"""The fraction of characters below 256 in any text of UTF-16."""

_LIKE_CP1252 = ("iso8859-1", "iso8859-15")
"""Encodings in whose place cp1252 is tried: Western files of Windows have quotes and dashes where these have controls,
maybe behind what was looked at."""

_ENOUGH = 1 << 16
"""Bytes of lines beyond ASCII by which a legacy encoding is told."""


@dataclass(frozen=True)
class Encoding:
    """An encoding as Python names it.

    Attributes:
        name: The codec.
        clean: Whether the whole file is known to be well-formed in it; else some rows may hold broken characters.
    """

    name: str
    clean: bool

    @property
    def words(self) -> str:
        """As a user knows it."""
        return _WORDS.get(self.name, self.name)

    def broken(self, text: str) -> bool:
        """Whether some of the text stands for bytes that are no characters of this encoding."""
        return not self.clean and (_DAMAGE if _is_multibyte(self.name) else _ESCAPED).search(text) is not None


_ESCAPED = re.compile("[\ud800-\udfff]")
_DAMAGE = re.compile("[\ud800-\udfff\ufffd]")


def refuse_binary(path: Path, start: bytes) -> None:
    """Refuse a file that is no text, by its first bytes.

    Args:
        path: The file, for the message.
        start: Its first bytes, a kilobyte or more where it has so many.

    Raises:
        BadInput: Says what the file seems to be.
    """
    for magic, words in _BINARY.items():
        if start.startswith(magic):
            raise BadInput(f"{printable(path)}: this is {words}, not text.")
    if any(start.startswith(mark) for mark, _ in _MARKS) or _wide(start):
        return
    controls = len(start) - len(start.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(start) or start.count(0) > _MOST_NULS * len(start):
        raise BadInput(f"{printable(path)}: this is binary data, not text.")


def find_encoding(path: Path, *, quick: bool = False) -> Encoding:
    """The encoding of a text file: by its mark, else UTF-8 if it is well-formed, else what it looks most like.

    Args:
        path: The file.
        quick: Look at the first megabyte alone.

    Raises:
        BadInput: The file is no text.
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(_GLANCE)
    refuse_binary(path, start)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return Encoding(name, False)
    if wide := _wide(start):
        return Encoding(wide, False)
    if _is_utf8(path, quick):
        return Encoding("utf-8", not quick)
    return Encoding(_legacy(path, quick), False)


@contextmanager
def open_text(path: Path, encoding: Encoding) -> Iterator[IO[str]]:
    """The file as text with its line ends as they are; bytes that are no characters stay recognizable.

    Args:
        path: The file.
        encoding: As `find_encoding` found it.
    """
    errors = "replace" if _is_multibyte(encoding.name) else "surrogateescape"
    with path.open(encoding=encoding.name, errors=errors, newline="") as stream:
        yield stream


def _wide(start: bytes) -> str:
    """UTF-16 without a mark: where blanks, digits and line ends stand, one byte of two is zero, always the same one."""
    zeros = {"utf-16-be": start[::2].count(0), "utf-16-le": start[1::2].count(0)}
    name, most = max(zeros.items(), key=lambda item: item[1])
    if most < _LEAST_ZEROS * len(start) / 2 or min(zeros.values()) > most / 10:
        return ""
    text = start[: len(start) // 2 * 2].decode(name, "replace")
    odd = sum(not (character.isprintable() or character.isspace()) for character in text)
    return name if odd <= _MOST_CONTROLS * len(text) else ""


def _chunks(path: Path, quick: bool) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
            if quick:
                return


def _is_utf8(path: Path, quick: bool) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(path, quick):
            decoder.decode(chunk)
        decoder.decode(b"", final=not quick)
    except UnicodeDecodeError:
        return False
    return True


def _legacy(path: Path, quick: bool) -> str:
    """UTF-8 if hardly anything contradicts it; else by the lines beyond ASCII."""
    characters = broken = 0
    telling = bytearray()
    for chunk in _chunks(path, quick):
        if chunk.isascii():
            continue
        beyond = re.sub("[\0-\x7f]+", "", chunk.decode("utf-8", "surrogateescape"))
        wrong = len(_ESCAPED.findall(beyond))
        characters, broken = characters + len(beyond) - wrong, broken + wrong
        if len(telling) < _ENOUGH:
            telling += b"\n".join(line for line in chunk.splitlines() if not line.isascii())[:_ENOUGH]
    if characters > 10 * broken:
        return "utf-8"
    return _most_like(bytes(telling[:_ENOUGH]))


def _most_like(telling: bytes) -> str:
    """By chardet, among what Windows, the web, Unix and DOS wrote; Macs wrote too few files to be mistaken for."""
    from chardet import EncodingEra, detect

    eras = EncodingEra.MODERN_WEB | EncodingEra.LEGACY_ISO | EncodingEra.DOS
    unmarked = b"\n" + telling  # a line may begin with what at the start of a file would be a mark
    found = detect(unmarked, encoding_era=eras, exclude_encodings=_LIKE_CP1252, compat_names=False)
    return found["encoding"] or "cp1252"


@cache
def _is_multibyte(name: str) -> bool:
    """Whether a character may take several bytes, so that a broken one cannot be told byte by byte. Not so of UTF-8,
    whose decoder can."""
    return len(bytes(range(256)).decode(name, "replace")) < 256

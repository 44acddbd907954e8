"""Which files are texts, and what is in them."""

from __future__ import annotations

import os
from pathlib import Path

from autosft.api import BadInput, Unreadable
from autosft.api.inputs import FileKind, find_encoding, head_of, open_text, refuse_binary
from autosft_text.joining import as_text

_MOST_BYTES = 1 << 26
"""A larger file is no single text."""


def read_file(path: str) -> str:
    """The text of a file, whatever its encoding.

    Raises:
        Unreadable: It is empty, huge, no text, or cannot be read; the message is the reason in one line.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        if not file.is_file():
            raise Unreadable("not an ordinary file")
        if size > _MOST_BYTES:
            raise Unreadable(f"{size >> 20} MB, too much for one text")
        with open_text(file, find_encoding(file)) as stream:
            text = as_text([stream.read()])
    except BadInput as error:
        raise Unreadable(str(error).removeprefix(f"{path}: ")) from error
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from error
    if not text:
        raise Unreadable("the text is empty")
    return text


def _starts_like_text(path: str) -> bool:
    """Files without an ending, as collections of mails and events have them."""
    if os.path.splitext(path)[1]:  # noqa: PTH122 - called for every file of a folder
        return False
    start = head_of(path, 1024)
    try:
        refuse_binary(Path(path), start)
    except BadInput:
        return False
    return bool(start)


TEXTS = FileKind("a text", "texts", frozenset({".txt", ".text"}), _starts_like_text, read_file)

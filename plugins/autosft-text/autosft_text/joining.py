"""From the parts of a sample, such as a title and a body, to one text. Knows neither tables nor encoders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SEPARATOR = "\x1f"
"""Stands between the parts of a text: it separates units in ASCII, and occurs in no prose. An encoder puts there what
it was trained with, or the end of a line."""


def as_text(parts: Iterable[Any]) -> str:
    """Parts as one text, without those that are missing or blank.

    Half characters, which JSON can smuggle in, become question marks: no tokenizer takes them.
    """
    texts = ("" if part is None else str(part).replace(SEPARATOR, " ").strip() for part in parts)
    return SEPARATOR.join(filter(None, texts)).encode("utf-8", "replace").decode()


def as_lines(text: str) -> str:
    """The text with each part on a line of its own, for encoders that know no separator."""
    return text.replace(SEPARATOR, "\n")

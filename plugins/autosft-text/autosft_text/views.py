"""Views: a text as it is, or with some of its words left out. Knows neither files nor encoders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import final

import numpy as np

from autosft.api import Example
from autosft_text.joining import SEPARATOR

_STRENGTHS = {"none": 0.0, "light": 1.0, "strong": 3.0}
"""How many times the rate of `text.drop` each strength leaves out."""

_LONGEST_WORD = 20
"""Runs of more characters are no words, but lines of a script without blanks, or addresses: single characters."""


@final
class TextView:
    """Leaves out each word with a probability (word dropout: Iyyer et al., 2015), but never all of them.

    Args:
        strength: `"none"`, `"light"` or `"strong"`.
        rate: The probability of `"light"`.
    """

    def __init__(self, strength: str, rate: float) -> None:
        self._rate = min(0.5, _STRENGTHS[strength] * rate)

    def __call__(self, example: Example, generator: np.random.Generator) -> Example:
        """From a text to a text; its parts stay apart."""
        if not self._rate:
            return example
        parts = (self._thinned(part, generator) for part in example.inputs.split(SEPARATOR))
        return replace(example, inputs=SEPARATOR.join(parts))

    def _thinned(self, text: str, generator: np.random.Generator) -> str:
        words = list(words_of(text))
        kept = (generator.random(len(words)) >= self._rate).tolist()
        left = "".join(word for word, keep in zip(words, kept, strict=True) if keep)
        return left if left.strip() else text


def words_of(text: str) -> Iterator[str]:
    """The text in pieces that can be left out: words with the blanks behind them; where a script has no blanks,
    characters."""
    for run in re.findall(r"\s*\S+\s*", text):
        if len(run) > _LONGEST_WORD or any(map(_is_wide, run)):
            yield from run
        else:
            yield run


def _is_wide(letter: str) -> bool:
    """Whether it is a character of Chinese, Japanese or Korean."""
    return not letter.isascii() and unicodedata.east_asian_width(letter) in "WF"

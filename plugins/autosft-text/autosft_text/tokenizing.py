"""`TextTokenizer`: from texts to numbers of tokens, with the tokenizer that a checkpoint comes with.

A long text keeps its head and its tail, which say most of what it is about (Sun et al., How to fine-tune BERT for text
classification?, 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autosft.api import BadWeights, Row, Rows
from autosft_text.joining import SEPARATOR

LONGEST = 256
"""Tokens of a text that an encoder sees at most. Attention and all else of a transformer cost in proportion to them or
more, and two such ends seldom leave open what a text is about."""

MASKS = ("[MASK]", "<mask>")
"""What stands for a hidden token in the vocabularies of BERT and of RoBERTa, and of all that came of them."""

_CHARACTERS = 16
"""No more characters per token are looked at, so that a megabyte in a row costs no more than a page."""

_SEEN, _FEW_CUT = 1000, 0.01
"""Of so many rows it is told whether more than this fraction are cut."""


@final
class TextTokenizer:
    """A tokenizer of the library `tokenizers`.

    Args:
        content: `tokenizer.json`.
        longest: The most tokens of a text, special ones included.
        pad: The number that fills up shorter texts.
        between: What stands between the parts of a text.
        before: What every text begins with, such as an instruction that the encoder was trained with.

    Attributes:
        content: `tokenizer.json`.
        longest: The most tokens of a text.
        before_tokens: How many tokens stand before every text, special ones included.

    Raises:
        BadWeights: The content is no tokenizer.
    """

    def __init__(
        self, content: bytes, *, longest: int = LONGEST, pad: int = 0, between: str = "\n", before: str = ""
    ) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_str(content.decode())
        except Exception as error:  # the library raises a bare Exception
            raise BadWeights(f"tokenizer.json cannot be read ({' '.join(str(error).split())[:200]}).") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.content = content
        self.longest, self._pad, self._between, self._before = longest, pad, between, before
        self._first, self._last = self._specials()
        self._room = max(1, longest - len(self._first) - len(self._last))
        self.before_tokens = len(self._first) + len(self._tokenizer.encode(before, add_special_tokens=False).ids)

    def __call__(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Numbers of tokens and where there are any, both of shape (texts, longest of them)."""
        rows = [self._first + self._cut(self._tokens(text)) + self._last for text in texts]
        rows = [row or [self._pad] for row in rows]
        numbers = np.full((len(rows), max(map(len, rows))), self._pad, dtype=np.int64)
        there = np.zeros(numbers.shape, dtype=bool)
        for place, row in enumerate(rows):
            numbers[place, : len(row)] = row
            there[place, : len(row)] = True
        return numbers, there

    @property
    def mask(self) -> int | None:
        """The number of the token that stands for one that is hidden; None if the tokenizer has none."""
        found = (self._tokenizer.token_to_id(word) for word in MASKS)
        return next((number for number in found if number is not None), None)

    def ordinary(self, numbers: npt.NDArray[np.int64], there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Where tokens stand that are of the texts themselves: neither special ones nor what stands before every text.

        Args:
            numbers: As a call gives them.
            there: Beside them.
        """
        special = [number for number, token in self._tokenizer.get_added_tokens_decoder().items() if token.special]
        places, ends = np.arange(numbers.shape[1]), there.sum(1, keepdims=True) - len(self._last)
        return there & (places >= self.before_tokens) & (places < ends) & ~np.isin(numbers, special)

    def preparation(self) -> dict[str, Any]:
        """How texts become numbers, in words for whoever does it elsewhere."""
        return {
            "tokenizer": "tokenizer.json",
            "text": "without special tokens; parts of a text are joined by `between`, and `before` stands in front",
            "before": self._before,
            "between": self._between,
            "special_tokens": {"first": self._first, "last": self._last},
            "longest": self.longest,
            "longer": "keep the first half of the tokens, rounded up, and the last half",
            "pad": self._pad,
            "attention_mask": "1 where there is a token, 0 where `pad` fills up",
        }

    def cuts(self, text: str) -> bool:
        """Whether some of the text is not seen."""
        return len(self._tokens(text)) > self._room

    def _tokens(self, text: str) -> list[int]:
        half = _CHARACTERS * self._room
        if len(text) > 2 * half:
            text = text[:half] + text[-half:]
        text = self._before + text.replace(SEPARATOR, self._between)
        # one by one: the library would share a batch out among all cores
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _cut(self, tokens: list[int]) -> list[int]:
        if len(tokens) <= self._room:
            return tokens
        head = (self._room + 1) // 2
        return tokens[:head] + tokens[len(tokens) - (self._room - head) :]

    def _specials(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and behind every text."""
        marked = self._tokenizer.encode("a")
        special = [bool(flag) for flag in marked.special_tokens_mask]
        if all(special):
            return marked.ids, []
        first, last = special.index(False), special[::-1].index(False)
        return marked.ids[:first], marked.ids[len(marked.ids) - last :]


def truncation_note(tokenizer: TextTokenizer, rows: Rows, read: Callable[[Row], Any]) -> str:
    """What a user should know of long texts: how many are cut, if they are more than one in a hundred."""
    seen = rows[:: max(1, len(rows) // _SEEN)]
    fraction = sum(tokenizer.cuts(read(row)) for row in seen) / max(1, len(seen))
    if fraction <= _FEW_CUT:
        return ""
    longer = f"{100 * fraction:.0f} % of the texts are longer than {tokenizer.longest} tokens"
    return f"{longer}; of these it sees head and tail"

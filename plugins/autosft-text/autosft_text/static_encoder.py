"""`StaticEncoder`: the weighted mean of word vectors.

Apart from its family, because a module needs torch, and whoever lists backbones does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import numpy.typing as npt
import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253

from autosft.api.tensors import Encoder
from autosft_text.joining import as_lines
from autosft_text.words import known_words


@final
class StaticEncoder(Encoder):
    """From texts to `"pooled"` (batch, width). A text without any known word is 0.

    Args:
        words: The vocabulary, in the order of the vectors.
        width: The length of a vector.
        weights: The weight of each word, shape (words,).
    """

    def __init__(self, words: Sequence[str], width: int, weights: npt.NDArray[np.float32]) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(len(words), width, mode="sum")
        self.widths = {"pooled": width}
        self._numbers = {word: number for number, word in enumerate(words)}
        self._weights = weights

    def forward(self, inputs: Sequence[str]) -> Mapping[str, Tensor]:
        """Encode texts."""
        rows = [[self._numbers[word] for word in known_words(as_lines(text), self._numbers)] for text in inputs]
        numbers = np.array([number for row in rows for number in row], dtype=np.int64)
        starts = np.cumsum([0, *map(len, rows)])[:-1]
        weights = self._weights[numbers]
        totals = np.maximum(
            1e-9, [weights[start : start + len(row)].sum() for start, row in zip(starts, rows, strict=True)]
        )
        fractions = weights / np.repeat(totals, [len(row) for row in rows])
        device = self.embedding.weight.device
        given = (torch.from_numpy(array).to(device) for array in (numbers, starts))
        return {
            "pooled": self.embedding(
                *given, per_sample_weights=torch.from_numpy(fractions.astype(np.float32)).to(device)
            )
        }

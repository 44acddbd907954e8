"""`LstmEncoder`: embeddings and a bidirectional LSTM.

Apart from its family, because a module needs torch, and whoever lists backbones does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence  # noqa: TID253

from autosft.api.tensors import Encoder
from autosft_text.pooling import Pooling
from autosft_text.tokenizing import TextTokenizer

_DROPOUT = 0.3

_POOLING = Pooling(("mean", "max"))


@final
class LstmEncoder(Encoder):
    """From texts to `"pooled"` (batch, 4 × width): the mean and the maximum over both directions; `"tokens"` and
    `"mask"` as any encoder of sequences.

    Args:
        tokenizer: Learned from the training rows.
        vocabulary: How many tokens it has.
        embedding: The length of an embedding.
        width: The width of each direction (Hochreiter and Schmidhuber, 1997; Schuster and Paliwal, 1997).
    """

    def __init__(self, tokenizer: TextTokenizer, vocabulary: int, embedding: int, width: int) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self.embedding = nn.Embedding(vocabulary, embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.dropout = nn.Dropout(_DROPOUT)
        self.lstm = nn.LSTM(embedding, width, batch_first=True, bidirectional=True)
        self.widths = {"pooled": 4 * width, "tokens": 2 * width}

    def forward(self, inputs: Sequence[str]) -> Mapping[str, Tensor]:
        """Encode texts."""
        numbers, there = self._tokenizer(inputs)
        mask = torch.from_numpy(there)
        mask[:, 0] = True  # a text without tokens is one of padding
        embedded = self.dropout(self.embedding(torch.from_numpy(numbers).to(self.embedding.weight.device)))
        packed = pack_padded_sequence(embedded, mask.sum(1), batch_first=True, enforce_sorted=False)
        with torch.autocast(packed.data.device.type, enabled=False):  # few CPUs have an LSTM of lower precision
            tokens, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        mask = mask.to(tokens.device)
        return {"pooled": _POOLING(tokens, mask), "tokens": tokens, "mask": mask}

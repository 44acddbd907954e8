"""`LstmEncoder`: embeddings and a bidirectional LSTM.

Apart from its family, because a module needs torch, and whoever lists backbones does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn.functional import pad  # noqa: TID253
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence  # noqa: TID253

from autosft.api.tensors import Masked, MaskingEncoder
from autosft_text.masking import chosen_tokens
from autosft_text.pooling import Pooling
from autosft_text.tokenizing import TextTokenizer

_DROPOUT = 0.3

_MOST_PLACES = 2048
"""Of a batch at most so many tokens are asked for at once: what tells each of thousands of tokens apart at each place
takes more memory than the network."""

_POOLING = Pooling(("mean", "max"))


@final
class LstmEncoder(MaskingEncoder):
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
        self.place_width = 2 * width

    def forward(self, inputs: Sequence[str]) -> Mapping[str, Tensor]:
        """Encode texts."""
        numbers, there = map(torch.from_numpy, self._tokenizer(inputs))
        mask = there.clone()
        mask[:, 0] = True  # a text without tokens is one of padding
        tokens, mask = self._states(numbers, mask)
        return {"pooled": _POOLING(tokens, mask), "tokens": tokens, "mask": mask}

    def masked(self, inputs: Sequence[str], fraction: float, generator: torch.Generator) -> Masked:
        """All tokens, at most 2,048 of them: of each what both directions have before they meet it, so that nothing
        need be hidden (a bidirectional cloze task: Baevski et al., 2019)."""
        numbers, there = map(torch.from_numpy, self._tokenizer(inputs))
        mask = there.clone()
        mask[:, 0] = True
        ahead, behind = self._states(numbers, mask)[0].chunk(2, dim=2)
        around = torch.cat([pad(ahead[:, :-1], (0, 0, 1, 0)), pad(behind[:, 1:], (0, 0, 0, 1))], dim=2)
        places = torch.from_numpy(self._tokenizer.ordinary(numbers.numpy(), there.numpy()))
        chosen = chosen_tokens(places, _MOST_PLACES / max(_MOST_PLACES, int(places.sum())), generator)
        return Masked(around[chosen.to(around.device)], numbers[chosen].to(around.device))

    def token_embeddings(self) -> Tensor:
        """Those of its first layer."""
        return self.embedding.weight

    def _states(self, numbers: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The states of both directions at each token, shape (texts, length, 2 × width), and the mask beside them."""
        embedded = self.dropout(self.embedding(numbers.to(self.embedding.weight.device)))
        packed = pack_padded_sequence(embedded, mask.sum(1), batch_first=True, enforce_sorted=False)
        with torch.autocast(packed.data.device.type, enabled=False):  # few CPUs have an LSTM of lower precision
            tokens, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return tokens, mask.to(tokens.device)

"""`LstmFamily`: an LSTM that knows nothing but the training rows. For texts that no checkpoint has seen the like of."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from autosft.api import BackboneFamily, BackboneInfo, BadWeights, Inputs, Recipe, Row, Rows, State, WeightFile
from autosft_text.joining import as_lines
from autosft_text.tokenizing import TextTokenizer, truncation_note

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

_VOCABULARY = 8000
"""Tokens at most; with few rows there are fewer, because a pair must be met twice."""

_INFO = BackboneInfo(
    name="lstm/bidirectional",
    inputs=Inputs(kind="text"),
    gives=frozenset({"pooled", "tokens"}),
    prior=0.15,
    arguments={"embedding": 128, "width": 128},
    origin="scratch",
    hides="tokens",
)


@final
class LstmFamily(BackboneFamily):
    """Embeddings and a bidirectional LSTM over tokens of bytes that often stand together (byte-pair encoding: Sennrich
    et al., 2016), learned from the training rows; so it takes any script."""

    prefix = "lstm"
    rate = 3.0

    def curated(self) -> Sequence[BackboneInfo]:
        """The one there is."""
        return [_INFO]

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """It, if it matches."""
        return [_INFO] if fnmatch.fnmatchcase(_INFO.name.removeprefix("lstm/"), pattern) else []

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """A tokenizer."""
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=_VOCABULARY,
            min_frequency=2,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator((as_lines(read(row)) for row in rows), trainer)
        content = np.frombuffer(tokenizer.to_str().encode(), dtype=np.uint8)
        return State({"vocabulary": tokenizer.get_vocab_size()}, {"tokenizer": content})

    def note(self, info: BackboneInfo, state: State, rows: Rows, read: Callable[[Row], Any]) -> str:
        """How many texts are longer than what is seen of them."""
        return truncation_note(_tokenizer(state), rows, read)

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """Fresh weights."""
        from autosft_text.lstm_encoder import LstmEncoder

        if weights is not None:
            raise BadWeights(f"{weights.path}: the LSTM learns from scratch and takes no weights.")
        return LstmEncoder(_tokenizer(state), state.values["vocabulary"], **info.arguments)


def _tokenizer(state: State) -> TextTokenizer:
    return TextTokenizer(state.arrays["tokenizer"].tobytes())

"""`TfidfEncoder`: sparse weights of words and character n-grams.

Apart from its family, because it needs torch and scikit-learn, and whoever lists backbones does not.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from scipy.sparse import csr_array, hstack
from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: TID253
from torch import Tensor  # noqa: TID253

from autosft.api import State
from autosft.api.tensors import Encoder
from autosft_text.joining import as_lines
from autosft_text.words import words_in

_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "words": {"analyzer": "word", "ngram_range": (1, 2), "tokenizer": words_in, "token_pattern": None},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5)},
}
"""Words alone and in pairs; and two to five neighboring characters, which know endings, misspellings and scripts
without blanks."""

_MOST_TERMS = 200_000
"""Terms of each kind that are kept, the most frequent."""

_ROWS_TO_COUNT = 200
"""With so many rows a term must be met in two of them: what is met once says nothing of others."""


def fit_terms(texts: Sequence[str], kinds: Sequence[str]) -> State:
    """The terms of each kind in these texts, with their inverse document frequencies."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    lines = list(map(as_lines, texts))
    for kind in kinds:
        vectorizer = _fitted(kind, lines)
        content = "\n".join(vectorizer.get_feature_names_out()).encode()
        arrays[f"{kind}.terms"] = np.frombuffer(content, dtype=np.uint8)
        arrays[f"{kind}.idf"] = vectorizer.idf_.astype(np.float32)
    return State(arrays=arrays)


def _fitted(kind: str, lines: Sequence[str]) -> TfidfVectorizer:
    least = 2 if len(lines) >= _ROWS_TO_COUNT else 1
    try:
        return _vectorizer(kind, min_df=least, max_features=_MOST_TERMS).fit(lines)
    except ValueError:  # no term is met twice
        return _vectorizer(kind, max_features=_MOST_TERMS).fit(lines)


def _vectorizer(kind: str, **options: Any) -> TfidfVectorizer:
    single: Any = np.float32  # scikit-learn's annotation forgets that it is allowed
    return TfidfVectorizer(sublinear_tf=True, dtype=single, **_SHAPES[kind], **options)


@final
class TfidfEncoder(Encoder):
    """From texts to `"pooled"` (batch, terms), sparse CSR; each kind of terms has length 1. Holds no weights.

    Args:
        kinds: `"words"`, `"characters"`, or both side by side.
        state: What `fit_terms` learned.
    """

    def __init__(self, kinds: Sequence[str], state: State) -> None:
        super().__init__()
        self._vectorizers: list[TfidfVectorizer] = []
        for kind in kinds:
            terms = state.arrays[f"{kind}.terms"].tobytes().decode().split("\n")
            vectorizer = _vectorizer(kind, vocabulary={term: number for number, term in enumerate(terms)})
            vectorizer.idf_ = state.arrays[f"{kind}.idf"]
            self._vectorizers.append(vectorizer)
        self.widths = {"pooled": sum(len(state.arrays[f"{kind}.idf"]) for kind in kinds)}
        self.register_buffer("_device", torch.empty(0), persistent=False)

    def forward(self, inputs: Sequence[str]) -> Mapping[str, Tensor]:
        """Encode texts."""
        lines = list(map(as_lines, inputs))
        rows = csr_array(hstack([vectorizer.transform(lines) for vectorizer in self._vectorizers]))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            pooled = torch.sparse_csr_tensor(
                torch.from_numpy(rows.indptr.astype(np.int64)),
                torch.from_numpy(rows.indices.astype(np.int64)),
                torch.from_numpy(rows.data),
                rows.shape,
                check_invariants=False,
            )
        return {"pooled": pooled.to(self.get_buffer("_device").device)}

"""`TfidfFamily`: words and character n-grams, weighted by how rare they are. Cheap, and hard to beat where single words
tell, or where rows are few."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, final

from autosft.api import BackboneFamily, BackboneInfo, BadWeights, Inputs, Recipe, Row, Rows, State, WeightFile

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

_KINDS = {
    "words-characters": (("words", "characters"), 0.6),
    "characters": (("characters",), 0.55),
    "words": (("words",), 0.5),
}
"""Of each encoder its kinds of terms, and its prior."""


@final
class TfidfFamily(BackboneFamily):
    """Term frequency times inverse document frequency (Spärck Jones, 1972), as scikit-learn computes it: sublinear,
    each kind of terms at length 1."""

    prefix = "tfidf"

    def curated(self) -> Sequence[BackboneInfo]:
        """Words, characters, and both together."""
        return [
            BackboneInfo(
                name=f"tfidf/{name}",
                inputs=Inputs(kind="text"),
                prior=prior,
                arguments={"kinds": list(kinds)},
                origin="fitted",
            )
            for name, (kinds, prior) in _KINDS.items()
        ]

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """Those that match."""
        return [info for info in self.curated() if fnmatch.fnmatchcase(info.name.removeprefix("tfidf/"), pattern)]

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """The terms of the training rows."""
        from autosft_text.tfidf_encoder import fit_terms

        return fit_terms([read(row) for row in rows], info.arguments["kinds"])

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """The encoder of these terms."""
        from autosft_text.tfidf_encoder import TfidfEncoder

        if weights is not None:
            raise BadWeights(f"{weights.path}: TF-IDF takes no weights.")
        return TfidfEncoder(info.arguments["kinds"], state)

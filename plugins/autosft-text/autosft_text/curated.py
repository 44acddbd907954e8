"""The default list of transformers. Figures only, compared with transformers by a test; imports nothing heavy.

Small enough for a laptop, free to use, and different from each other: sentence encoders, which say much while they are
frozen, and masked language models, which are made to be trained further. `prior` orders first trials: published results
on classification and breadth of pretraining, put on one scale by judgment.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from autosft.api import BackboneInfo, Inputs

PREFIX = "transformers"


_MANY: frozenset[str] = frozenset()
"""Of encoders that know a hundred languages none is named: nothing is said against them."""


class _Entry(NamedTuple):
    """One line of the table; megaweights are those of the encoder without pooler and head, gigaflops multiply-adds for
    64 tokens."""

    hub: str
    megaweights: float
    gigaflops: float
    prior: float
    pooling: str = ""
    license: str = "Apache-2.0"
    before: str = ""
    languages: frozenset[str] = frozenset({"en"})


_TABLE = (
    # Reimers and Gurevych, 2019, on distilled encoders of Wang et al., 2020
    _Entry("sentence-transformers/paraphrase-MiniLM-L3-v2", 17.241984, 0.349, 0.52, "mean"),
    _Entry("sentence-transformers/all-MiniLM-L6-v2", 22.565376, 0.698, 0.66, "mean"),
    _Entry("sentence-transformers/all-MiniLM-L12-v2", 33.212160, 1.397, 0.67, "mean"),
    _Entry(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", 117.505920, 1.397, 0.56, "mean", languages=_MANY
    ),
    # on MPNet (Song et al., 2020)
    _Entry("sentence-transformers/all-mpnet-base-v2", 108.895872, 5.511, 0.76, "mean"),
    # Xiao et al., 2023
    _Entry("BAAI/bge-small-en-v1.5", 33.212160, 1.397, 0.70, "first", "MIT"),
    _Entry("BAAI/bge-base-en-v1.5", 108.891648, 5.511, 0.78, "first", "MIT"),
    # Wang et al., 2022 and 2024; trained with the word before every text
    _Entry("intfloat/e5-small-v2", 33.212160, 1.397, 0.68, "mean", "MIT", "query: "),
    _Entry("intfloat/multilingual-e5-small", 117.505920, 1.397, 0.62, "mean", "MIT", "query: ", _MANY),
    # Awasthy et al., 2025
    _Entry("ibm-granite/granite-embedding-30m-english", 30.147456, 0.698, 0.64, "first"),
    # Sanh et al., 2019
    _Entry("distilbert/distilbert-base-uncased", 66.362880, 2.756, 0.58),
    # Liu et al., 2019
    _Entry("FacebookAI/roberta-base", 124.055040, 5.511, 0.72, license="MIT"),
    # Warner et al., 2024
    _Entry("answerdotai/ModernBERT-base", 149.014272, 7.197, 0.74),
)


def _info(entry: _Entry) -> BackboneInfo:
    return BackboneInfo(
        name=f"{PREFIX}/{entry.hub}",
        inputs=Inputs(kind="text"),
        gives=frozenset({"pooled", "tokens"}),
        parameters=round(entry.megaweights * 1e6),
        gigaflops=entry.gigaflops,
        prior=entry.prior,
        pretrained={"hub": entry.hub, "beside": "config.json"},
        license=entry.license,
        arguments=arguments_of(entry.pooling, entry.before),
        languages=entry.languages,
        hides="tokens",
    )


def arguments_of(pooling: str = "", before: str = "") -> dict[str, Any]:
    """What is known of a checkpoint that its folder may not say: how it was pooled, and what stood before its texts."""
    return {key: value for key, value in (("pooling", pooling), ("before", before)) if value}


CURATED = tuple(map(_info, _TABLE))

BY_REPOSITORY = {info.name.rpartition("/")[2].lower(): info for info in CURATED}
"""By the last part of the name: what folders with these weights are mostly called."""

"""Encoders that a user has in a folder, as transformers saves them."""

from __future__ import annotations

import json
from pathlib import Path

from autosft.api import BackboneInfo, BadWeights, Inputs, WeightFile
from autosft.api.weights import read_config, sha256_of_file
from autosft_text.checkpoint import TOKENIZER, WEIGHTS, reads_text, size_of
from autosft_text.curated import BY_REPOSITORY, PREFIX, arguments_of
from autosft_text.sentence import encoder_folder, sentence_modules
from autosft_text.tokenizing import MASKS

_BESIDE = (
    TOKENIZER,
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)


def from_folder(folder: Path) -> tuple[BackboneInfo, WeightFile] | None:
    """The text encoder in a folder; None if there is none of a kind that transformers has without a decoder of its own.

    Raises:
        BadWeights: It is one, but its weights or its tokenizer are missing or damaged.
    """
    home = encoder_folder(folder)
    config = read_config(home / "config.json")
    kind = config.get("model_type") if config else None
    if config is None or not isinstance(kind, str) or config.get("is_encoder_decoder") or not reads_text(kind):
        return None
    weights = home / WEIGHTS
    parts = (home / f"{WEIGHTS}.index.json").is_file()
    if not weights.is_file() and not parts:
        raise BadWeights(f"{home}: config.json names {kind}, but there is no {WEIGHTS} beside it.")
    if not any((home / name).is_file() for name in _BESIDE):
        raise BadWeights(f"{home}: config.json names {kind}, but there is no {TOKENIZER} beside it.")
    name = folder.resolve().name
    known = BY_REPOSITORY.get(name.lower())
    modules = sentence_modules(folder)
    parameters, gigaflops = size_of(folder) if not parts else (0, 0.0)
    stated = known.arguments if known else {}
    info = BackboneInfo(
        name=f"{PREFIX}/{name}",
        inputs=Inputs(kind="text"),
        gives=frozenset({"pooled", "tokens"}),
        parameters=parameters,
        gigaflops=gigaflops,
        prior=known.prior if known else 0.5,
        license=known.license if known else "",
        languages=known.languages if known else frozenset(),
        hides="tokens" if _has_mask(home) else "",
        arguments=arguments_of(modules.pooling or str(stated.get("pooling", "")), str(stated.get("before", ""))),
    )
    digest = "" if parts else sha256_of_file(weights)
    return info, WeightFile(source="folder", path=str(folder.absolute()), sha256=digest, license=info.license)


def _has_mask(folder: Path) -> bool:
    """Whether the vocabulary has a token that stands for a hidden one."""
    words = [json.dumps(word).encode() for word in MASKS] + [f"\n{word}\n".encode() for word in MASKS]
    files = (folder / TOKENIZER, folder / "vocab.txt", folder / "vocab.json")
    return any(word in content for file in files if file.is_file() for content in [file.read_bytes()] for word in words)

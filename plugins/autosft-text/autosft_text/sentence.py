"""What sentence-transformers saves beside an encoder (Reimers and Gurevych, 2019): how the vectors of tokens become
one, which layers follow, and what stands before every text.

Reads JSON alone and runs no code that a folder names; imports neither torch nor that library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from autosft.api import BadWeights
from autosft.api.weights import read_config

MODULES, POOLING = "modules.json", "1_Pooling"

_POOLINGS = {
    "cls": "first",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
    "weightedmean": "weighted_mean",
    "lasttoken": "last",
}
"""The words of sentence-transformers, and ours; in the order in which several are put side by side."""

_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""How older releases say it: a switch for each."""

_LAYERS = ("Dense", "LayerNorm", "Dropout", "Normalize")
"""What may follow the pooling, in any order."""

_ACTIVATION = re.compile(r"torch\.nn\.modules\.(?:activation\.\w+|linear\.Identity)")
"""Activations are named by where torch has them; nothing else is looked up."""

_EMBEDDING = "sentence_embedding"
"""The pooled vector's name, which a layer takes and gives unless it says otherwise."""

# fmt: off
_SETTINGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
# fmt: on
"""Names of one file, as several releases called it."""


@dataclass(frozen=True)
class SentenceModules:
    """What is known of a folder of sentence-transformers; of others all but `encoder` is empty.

    Attributes:
        encoder: The folder with the transformer's own files: the folder itself, or one below it.
        pooling: One or several of `autosft_text.pooling.MODES`, joined by `"+"`; empty if nothing is said.
        pools_prompt: Whether the tokens of the prompt count in the pooling.
        layers: What follows, as `autosft_text.pooling.layers_of` takes it.
        prompt: What stands before every text.
        longest: The most tokens of a text; 0 if nothing is said.
        lowercase: Whether texts are lowercased first.
    """

    encoder: Path
    pooling: str = ""
    pools_prompt: bool = True
    layers: tuple[Mapping[str, Any], ...] = ()
    prompt: str = ""
    longest: int = 0
    lowercase: bool = False


def encoder_folder(folder: Path) -> Path:
    """Where the transformer of a folder lies: in it, or below it, where `modules.json` says so."""
    return next((folder / path for kind, path in _listed(folder) if kind == "Transformer"), folder)


def sentence_modules(folder: Path) -> SentenceModules:
    """All that the files beside an encoder say of what is done with its tokens.

    Raises:
        BadWeights: A file is damaged, or asks for what is not known here.
    """
    encoder = encoder_folder(folder)
    settings = next(filter(None, (read_config(encoder / name) for name in _SETTINGS)), {})
    general = read_config(folder / "config_sentence_transformers.json") or {}
    prompts, longest = general.get("prompts"), settings.get("max_seq_length")
    prompt = prompts.get(general.get("default_prompt_name")) if isinstance(prompts, Mapping) else None
    found = SentenceModules(
        encoder,
        prompt=str(prompt or ""),
        longest=longest if isinstance(longest, int) and longest > 0 else 0,
        lowercase=bool(settings.get("do_lower_case")),
    )
    if general.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        return found  # its modules give scores, sparse vectors or one vector per token: the encoder is used alone
    pooling, pools_prompt = "", True
    layers: list[Mapping[str, Any]] = []
    for place, (kind, path) in enumerate(_listed(folder)):
        if kind == "Pooling" and place <= 1 and not pooling:
            config = read_config(folder / path / "config.json") or {}
            pooling, pools_prompt = _pooling(folder / path, config), bool(config.get("include_prompt", True))
        elif kind in _LAYERS and pooling:
            layers.append(_layer(folder, kind, path))
        elif kind != "Transformer" or place:
            known = ", ".join(("Transformer", "Pooling", *_LAYERS))
            raise BadWeights(
                f"{folder / MODULES}: its module {place} is {kind}; known are {known} of sentence-transformers, "
                "in this order. Remove the file to use the encoder alone."
            )
    return replace(found, pooling=pooling, pools_prompt=pools_prompt, layers=tuple(layers))


def _listed(folder: Path) -> list[tuple[str, str]]:
    """The modules of a folder: what each is, without the place in the library, and in which folder its files lie."""
    path = folder / MODULES
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        stated = (folder / POOLING / "config.json").is_file()
        return [("Transformer", ""), ("Pooling", POOLING)] if stated else []
    except (OSError, ValueError) as error:
        raise BadWeights(f"{path}: cannot be read as JSON ({error}).") from error
    try:
        modules = [(str(module["type"]), str(module["path"])) for module in content]
    except (KeyError, TypeError) as error:
        raise BadWeights(f"{path}: it should hold a list of modules, each with a type and a path.") from error
    for _, place in modules:
        if PurePosixPath(place).is_absolute() or ".." in PurePosixPath(place).parts:
            raise BadWeights(f"{path}: {place!r} lies outside the folder.")
    ours = "sentence_transformers."
    return [(kind.rpartition(".")[2] if kind.startswith(ours) else kind, place) for kind, place in modules]


def _pooling(folder: Path, config: Mapping[str, Any]) -> str:
    """Of a pooling's configuration the modes, joined; the mean where none is named."""
    given: Any = config.get("pooling_mode")
    if given is None:
        flags = {mode for flag, mode in _FLAGS.items() if config.get(flag)}
        modes = [mode for mode in _POOLINGS if mode in flags] or ["mean"]
    else:
        modes = [given] if isinstance(given, str) else list(cast("Sequence[Any]", given))
    if unknown := [mode for mode in modes if mode not in _POOLINGS]:
        raise BadWeights(f"{folder}: a pooling {unknown[0]!r} is not known; known are {', '.join(_POOLINGS)}.")
    return "+".join(_POOLINGS[mode] for mode in modes)


def _layer(folder: Path, kind: str, path: str) -> dict[str, Any]:
    """One layer behind the pooling: its kind, its sizes, and the folder of its weights, all plain JSON."""
    config = read_config(folder / path / "config.json") or {}
    for side in ("input", "output"):
        if (config.get(f"module_{side}_name") or _EMBEDDING) != _EMBEDDING:
            raise BadWeights(f"{folder / path}: its {side} is not the pooled vector; only such layers are known.")
    try:
        if kind == "Dense":
            return {"kind": kind, "path": path, **_dense(folder / path, config)}
        if kind == "LayerNorm":
            return {"kind": kind, "path": path, "width": int(config["dimension"])}
    except (KeyError, TypeError, ValueError) as error:
        raise BadWeights(f"{folder / path}: its config.json lacks the size of the layer ({error}).") from error
    return {"kind": kind, "rate": float(config.get("dropout", 0.2))} if kind == "Dropout" else {"kind": kind}


def _dense(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    activation = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    if not _ACTIVATION.fullmatch(activation):
        raise BadWeights(f"{folder}: its activation {activation!r} is none of torch.nn.modules.activation.")
    return {
        "inputs": int(config["in_features"]),
        "outputs": int(config["out_features"]),
        "bias": bool(config.get("bias", True)),
        "residual": bool(config.get("use_residual", False)),
        "activation": activation.rpartition(".")[2],
    }

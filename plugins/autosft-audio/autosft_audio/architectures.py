"""Encoders of waves that transformers has: which class builds which type, and how checkpoints name its weights.

Built from a `config.json` alone, never by code that comes with weights. Imports transformers only when it builds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autosft.api import BadWeights


@dataclass(frozen=True)
class Architecture:
    """One type of `config.json`.

    Attributes:
        module: Where its classes are, below `transformers.models`.
        config: The class of its configuration.
        network: The class of its encoder.
        rename: From the keys of whole models to those of the encoder, as `WeightFile.rename`.
        drop: Keys, after that, which are none of the encoder's, as for `load_weights`.
    """

    module: str
    config: str
    network: str
    rename: tuple[tuple[str, str], ...]
    drop: tuple[str, ...]


_HEADS = ("lm_head", "classifier", "projector", "layer_weights", "tdnn", "feature_extractor_head", "objective")
_PRETRAINING = ("quantizer", "project_q", "project_hid", "masked_spec_embed", "label_embeddings")

_WEIGHT_NORM = (
    (r"pos_conv_embed\.conv\.weight_g$", "pos_conv_embed.conv.parametrizations.weight.original0"),
    (r"pos_conv_embed\.conv\.weight_v$", "pos_conv_embed.conv.parametrizations.weight.original1"),
)
"""Checkpoints from before torch 2.1 name the two parts of a normed weight otherwise."""


def _waves(name: str, prefix: str) -> Architecture:
    """A wave encoder like wav2vec 2.0: what comes before its keys in models with a head is the type's name."""
    rename = ((rf"^{prefix}\.", ""), *_WEIGHT_NORM)
    return Architecture(prefix, f"{name}Config", f"{name}Model", rename, (*_HEADS, *_PRETRAINING))


def _encoder_of(name: str, module: str) -> Architecture:
    """The encoder of a model that also has a decoder."""
    rename = ((r"^model\.", ""), (r"^encoder\.", ""))
    drop = (r"decoder\.", "proj_out", *_HEADS)
    return Architecture(module, f"{name}Config", f"{name}Encoder", rename, drop)


ARCHITECTURES = {
    "wav2vec2": _waves("Wav2Vec2", "wav2vec2"),  # Baevski et al., 2020
    "hubert": _waves("Hubert", "hubert"),  # Hsu et al., 2021
    "wavlm": _waves("WavLM", "wavlm"),  # Chen et al., 2022
    "whisper": _encoder_of("Whisper", "whisper"),  # Radford et al., 2023
    "moonshine": _encoder_of("Moonshine", "moonshine"),  # Jeffries et al., 2024
}

_ABOUT_THE_FILE = (
    *("architectures", "dtype", "torch_dtype", "quantization_config", "transformers_version"),
    *("auto_map", "attn_implementation", "experts_implementation"),
)
"""Keys of a `config.json` that say nothing of the encoder, or ask for code of others."""

_STILL = {"apply_spec_augment": False, "mask_time_prob": 0.0, "mask_feature_prob": 0.0}
"""Masks of the model's own draw from numpy's generator, so that an epoch could not be repeated; views have masks."""

_WHOLE = ("layerdrop", "encoder_layerdrop")
"""Fractions of layers that are left out in training: none, because stages stop and go on by layers."""


def network_of(config: Mapping[str, Any]) -> Any:
    """The encoder of a `config.json`, with fresh weights.

    Raises:
        BadWeights: transformers refuses the configuration.
    """
    from importlib import import_module

    architecture = ARCHITECTURES[str(config["model_type"])]
    module = f"transformers.models.{architecture.module}"
    kind = getattr(import_module(f"{module}.configuration_{architecture.module}"), architecture.config)
    network = getattr(import_module(f"{module}.modeling_{architecture.module}"), architecture.network)
    known = {key: value for key, value in config.items() if key not in _ABOUT_THE_FILE and not key.startswith("_")}
    still = {key: value for key, value in _STILL.items() if hasattr(kind(), key)}
    whole = {key: 0.0 for key in _WHOLE if hasattr(kind(), key)}
    try:
        return network(kind(**{**known, **still, **whole}))
    except Exception as error:  # a configuration that is out of order raises whatever its values provoke
        words = " ".join(str(error).split())[:200]
        raise BadWeights(f"config.json: transformers cannot build {architecture.network} from it ({words}).") from error

"""The default list of encoders of speech. Figures only, compared with transformers by a test; imports nothing heavy.

Small enough for a laptop, and different from each other: learned from speech alone, and from transcripts. `prior`
orders first trials: published results beyond transcription (SUPERB: Yang et al., 2021) and breadth of pretraining, put
on one scale by judgment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from autosft.api import BackboneInfo, Inputs

WAVES = Inputs(kind="waveform", options={"seconds": 10.0, "step": 1600})

GIVES = frozenset({"pooled", "tokens"})

BESIDE = "config.json preprocessor_config.json"
"""What must lie beside the weights: an encoder is built from the one, and the other says how waves are fed."""

SECONDS = 5
"""Multiply-adds are those of a clip of this length."""


class _Entry(NamedTuple):
    """One line of the table; megaweights and gigaflops are those of the encoder alone.

    `normalize` is set where the repository has pickled weights alone, of which sources bring no more than the file:
    whether the encoder was trained on normalized waves, which the configuration of its type does not say.
    """

    hub: str
    config: Mapping[str, Any]
    megaweights: float
    gigaflops: float
    prior: float
    license: str
    normalize: bool | None = None


def _waves(model_type: str) -> dict[str, Any]:
    return {"model_type": model_type, "hidden_size": 768, "num_hidden_layers": 12}


def _whisper(width: int, layers: int) -> dict[str, Any]:
    sizes = {"encoder_attention_heads": width // 64, "encoder_ffn_dim": 4 * width}
    return {"model_type": "whisper", "d_model": width, "encoder_layers": layers, **sizes}


def _moonshine(width: int, layers: int) -> dict[str, Any]:
    sizes = {"encoder_num_attention_heads": 8, "intermediate_size": 4 * width}
    return {"model_type": "moonshine", "hidden_size": width, "encoder_num_hidden_layers": layers, **sizes}


_TABLE = (
    _Entry("facebook/wav2vec2-base", _waves("wav2vec2"), 94.370944, 35.837, 0.54, "Apache-2.0", True),
    _Entry("facebook/hubert-base-ls960", _waves("hubert"), 94.370944, 35.837, 0.58, "Apache-2.0", True),
    _Entry("microsoft/wavlm-base-plus", _waves("wavlm"), 94.381168, 35.855, 0.64, "CC-BY-SA-3.0", False),
    _Entry("openai/whisper-tiny", _whisper(384, 4), 8.208384, 2.126, 0.60, "Apache-2.0"),
    _Entry("openai/whisper-base", _whisper(512, 6), 20.590592, 5.369, 0.63, "Apache-2.0"),
    _Entry("openai/whisper-small", _whisper(768, 12), 88.154112, 22.928, 0.66, "Apache-2.0"),
    _Entry("UsefulSensors/moonshine-tiny", _moonshine(288, 6), 7.681248, 2.015, 0.59, "MIT"),
    _Entry("UsefulSensors/moonshine-base", _moonshine(416, 8), 20.15312, 5.011, 0.61, "MIT"),
)


def _info(entry: _Entry) -> BackboneInfo:
    alone = entry.normalize is not None
    return BackboneInfo(
        name=f"transformers-audio/{entry.hub}",
        inputs=WAVES,
        gives=GIVES,
        parameters=round(entry.megaweights * 1e6),
        gigaflops=entry.gigaflops,
        prior=entry.prior,
        pretrained={"hub": entry.hub} if alone else {"hub": entry.hub, "beside": BESIDE},
        license=entry.license,
        arguments={"config": entry.config, "normalize": entry.normalize} if alone else {},
    )


CURATED = tuple(map(_info, _TABLE))


def like(config: Mapping[str, Any]) -> BackboneInfo | None:
    """The curated encoder of the type and size of a `config.json`, or None."""
    for entry, info in zip(_TABLE, CURATED, strict=True):
        if entry.config.items() <= config.items():
            return info
    return None

"""The default list of encoders of speech. Figures only, compared with transformers by a test; imports nothing heavy.

Small enough for a laptop, and different from each other: learned from speech alone, and from transcripts. `prior`
orders first trials: published results beyond transcription (SUPERB: Yang et al., 2021) and breadth of pretraining, put
on one scale by judgment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from autosft.contracts.backbone import BackboneInfo, Inputs

WAVES = Inputs(kind="waveform", options={"seconds": 10.0, "step": 1600})

GIVES = frozenset({"pooled", "tokens"})

SECONDS = 5
"""Multiply-adds are those of a clip of this length."""


class _Entry(NamedTuple):
    """One line of the table; megaweights and gigaflops are those of the encoder alone."""

    hub: str
    model_type: str
    megaweights: float
    gigaflops: float
    prior: float
    license: str
    sizes: Mapping[str, Any]


_BASE = {"hidden_size": 768, "num_hidden_layers": 12}


def _whisper(width: int, layers: int) -> dict[str, int]:
    return {"d_model": width, "encoder_layers": layers}


def _moonshine(width: int, layers: int) -> dict[str, int]:
    return {"hidden_size": width, "encoder_num_hidden_layers": layers}


_TABLE = (
    _Entry("facebook/wav2vec2-base", "wav2vec2", 94.370944, 35.837, 0.54, "Apache-2.0", _BASE),
    _Entry("facebook/hubert-base-ls960", "hubert", 94.370944, 35.837, 0.58, "Apache-2.0", _BASE),
    _Entry("microsoft/wavlm-base-plus", "wavlm", 94.381168, 35.855, 0.64, "CC-BY-SA-3.0", _BASE),
    _Entry("openai/whisper-tiny", "whisper", 8.208384, 2.126, 0.60, "Apache-2.0", _whisper(384, 4)),
    _Entry("openai/whisper-base", "whisper", 20.590592, 5.369, 0.63, "Apache-2.0", _whisper(512, 6)),
    _Entry("openai/whisper-small", "whisper", 88.154112, 22.928, 0.66, "Apache-2.0", _whisper(768, 12)),
    _Entry("UsefulSensors/moonshine-tiny", "moonshine", 7.681248, 2.015, 0.59, "MIT", _moonshine(288, 6)),
    _Entry("UsefulSensors/moonshine-base", "moonshine", 20.15312, 5.011, 0.61, "MIT", _moonshine(416, 8)),
)


def _info(entry: _Entry) -> BackboneInfo:
    return BackboneInfo(
        name=f"transformers-audio/{entry.hub}",
        inputs=WAVES,
        gives=GIVES,
        parameters=round(entry.megaweights * 1e6),
        gigaflops=entry.gigaflops,
        prior=entry.prior,
        pretrained={"hub": entry.hub},
        license=entry.license,
    )


CURATED = tuple(map(_info, _TABLE))


def like(config: Mapping[str, Any]) -> BackboneInfo | None:
    """The curated encoder of the type and size of a `config.json`, or None."""
    for entry, info in zip(_TABLE, CURATED, strict=True):
        if config.get("model_type") == entry.model_type and entry.sizes.items() <= config.items():
            return info
    return None

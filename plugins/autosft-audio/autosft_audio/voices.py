"""`VoiceFamily`: encoders that were trained to tell voices apart. Knows their weights' keys; builds nothing itself."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, final

from autosft.api import BackboneFamily, BackboneInfo, BadWeights, Inputs, Recipe, State, WeightFile
from autosft.api.weights import sha256_of_file

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

_WAVES = Inputs(kind="waveform", options={"seconds": 10.0, "step": 1600})

GE2E = BackboneInfo(
    name="voice/ge2e",
    inputs=_WAVES,
    parameters=1_423_616,
    gigaflops=1.086,
    prior=0.45,
    pretrained={"package": "Resemblyzer"},
    license="Apache-2.0",
    arguments={"architecture": "ge2e"},
)

_RESNET34 = BackboneInfo(
    name="voice/wespeaker-resnet34",
    inputs=_WAVES,
    parameters=6_630_080,
    gigaflops=11.324,
    prior=0.42,
    license="CC-BY-4.0",
    arguments={"architecture": "resnet34"},
)

_SHAPES = {
    "ge2e": {"lstm.weight_ih_l0": [1024, 40], "lstm.weight_hh_l2": [1024, 256], "linear.weight": [256, 256]},
    "resnet34": {"stem.weight": [32, 1, 3, 3], "blocks.15.c2.weight": [256, 256, 3, 3], "fc.weight": [256, 5120]},
}
"""By which a file of weights is known."""

_RENAME = (
    (r"^blocks\.", "trunk."),
    (r"\.c1\.", ".first."),
    (r"\.c2\.", ".second."),
    (r"\.sc\.", ".shortcut."),
    (r"^fc\.", "embedding."),
    (r"^mean_vec$", "center"),
)
"""From the keys of WeSpeaker's weights with batch norms folded in to those of `SpeakerResNet`."""

_DROPPED = {"ge2e": (r"similarity_(weight|bias)$", r"mel$"), "resnet34": (r"mel$",)}
"""What was needed in training alone, and filters that follow from the convention."""


@final
class VoiceFamily(BackboneFamily):
    """GE2E (Wan et al., 2018) of the package Resemblyzer, and WeSpeaker's ResNet34 (Wang et al., 2023)."""

    prefix = "voice"

    def curated(self) -> Sequence[BackboneInfo]:
        """GE2E; the other one has weights on disk alone."""
        return [GE2E]

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """GE2E, if it matches."""
        return [GE2E] if fnmatch.fnmatchcase("ge2e", pattern) else []

    def local(self, path: Path) -> tuple[BackboneInfo, WeightFile] | None:
        """A safetensors file with the keys and shapes of one of the two, or a folder with such a file in it."""
        file = path / "model.safetensors" if path.is_dir() else path
        if file.suffix != ".safetensors" or not file.is_file():
            return None
        shapes = _shapes_in(file)
        known = next((name for name, marks in _SHAPES.items() if marks.items() <= shapes.items()), "")
        if not known:
            return None
        info = (GE2E if known == "ge2e" else _RESNET34).model_copy(update={"pretrained": {}})
        rename = _RENAME if known == "resnet34" else ()
        sha256 = sha256_of_file(file)
        return info, WeightFile(
            source="folder", path=str(file.absolute()), sha256=sha256, license=info.license, rename=rename
        )

    def version(self) -> str:
        """Its own."""
        return "1"

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """The encoder; its weights must fit exactly."""
        from autosft.api.weights import load_weights
        from autosft_audio.voice_encoders import SpeakerResNet, VoiceEncoder

        architecture = str(info.arguments["architecture"])
        encoder: Encoder = VoiceEncoder() if architecture == "ge2e" else SpeakerResNet()
        if weights is not None:
            load_weights(encoder, weights, drop=_DROPPED[architecture])
        return encoder


def _shapes_in(file: Path) -> dict[str, list[int]]:
    """The shape of each tensor in a safetensors file, from its header."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as content:
            return {key: list(content.get_slice(key).get_shape()) for key in content.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise BadWeights(f"{file}: cannot be read as weights ({' '.join(str(error).split())[:200]}).") from error

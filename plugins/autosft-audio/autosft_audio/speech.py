"""`SpeechFamily`: encoders of speech that transformers has (Wolf et al., 2020). Knows neither data nor training."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from autosft.api import BackboneFamily, BackboneInfo, BadWeights, Recipe, Row, Rows, State, WeightFile
from autosft.api.weights import FILES, read_config, sha256_of_file, weights_in
from autosft_audio.architectures import ARCHITECTURES, network_of
from autosft_audio.curated import BESIDE, CURATED, GIVES, SECONDS, WAVES, like
from autosft_audio.reading import RATE

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder


@final
class SpeechFamily(BackboneFamily):
    """wav2vec 2.0, HuBERT, WavLM, and the encoders of Whisper and Moonshine."""

    prefix = "transformers-audio"
    rate = 0.1

    def curated(self) -> Sequence[BackboneInfo]:
        """Eight pretrained encoders of 8 to 94 million weights."""
        return CURATED

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """The curated encoders that match; or any repository of the hub, `owner/name`, of unknown size."""
        names = {info.name.removeprefix(f"{self.prefix}/"): info for info in CURATED}
        matching = [info for name, info in names.items() if fnmatch.fnmatchcase(name, pattern)]
        if matching or pattern.count("/") != 1 or any(sign in pattern for sign in "*?["):
            return matching
        return [
            BackboneInfo(
                name=f"{self.prefix}/{pattern}",
                inputs=WAVES,
                gives=GIVES,
                pretrained={"hub": pattern, "beside": BESIDE},
            )
        ]

    def local(self, path: Path) -> tuple[BackboneInfo, WeightFile] | None:
        """A folder as transformers writes it: `config.json` of a type that is known here, and the weights."""
        config = read_config(path / "config.json") if path.is_dir() else None
        if config is None or config.get("model_type") not in ARCHITECTURES:
            return None
        weights = weights_in(path)
        if weights is None:
            raise BadWeights(f"{path}: config.json, but there is no {' or '.join(FILES)} beside it.")
        known = like(config)
        info = BackboneInfo(name=f"{self.prefix}/{path.resolve().name}", inputs=WAVES, gives=GIVES)
        if known:
            figures = {"parameters": known.parameters, "gigaflops": known.gigaflops, "prior": known.prior}
            info = info.model_copy(update={**figures, "license": known.license})
        else:
            info = info.model_copy(update=_measured(config))
        return info, WeightFile(
            source="folder", path=str(path.absolute()), sha256=sha256_of_file(weights), license=info.license
        )

    def version(self) -> str:
        """transformers', and its own."""
        return f"{metadata.version('transformers')} 1"

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """The configuration and whether waves are normalized, as it stands beside the weights, or as it is known.

        Raises:
            BadWeights: There is no configuration, or one of another type.
        """
        place = Path(weights.path) if weights else Path()
        folder = place if place.is_dir() else place.parent
        config = read_config(folder / "config.json") if weights else None
        if config is None:
            known = info.arguments
            config, shown = known.get("config", {}), {"do_normalize": known.get("normalize")}
        else:
            shown = read_config(folder / "preprocessor_config.json") or {}
        if config.get("model_type") not in ARCHITECTURES:
            types = ", ".join(ARCHITECTURES)
            raise BadWeights(f"{folder}: its config.json is missing or of no type that is known here ({types}).")
        return State({"config": dict(config), "normalize": bool(shown.get("do_normalize"))})

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """The encoder without the model's other parts; its weights must fit exactly."""
        from autosft.api.weights import load_weights
        from autosft_audio.speech_encoder import SpeechEncoder

        config = state.values["config"]
        network = network_of(config)
        if weights is not None:
            architecture = ARCHITECTURES[config["model_type"]]
            renamed = weights.model_copy(update={"rename": (*weights.rename, *architecture.rename)})
            load_weights(network, renamed, drop=architecture.drop)
        return SpeechEncoder(network, normalize=state.values["normalize"])


def _measured(config: dict[str, Any]) -> dict[str, Any]:
    """The number of weights and of multiply-adds, from a skeleton without memory."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from autosft_audio.speech_encoder import SpeechEncoder

    with torch.device("meta"):
        encoder = SpeechEncoder(network_of(config), normalize=False).eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        encoder([torch.empty(SECONDS * RATE, device="meta")])
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    return {"parameters": weights, "gigaflops": round(counter.get_total_flops() / 2e9, 3)}

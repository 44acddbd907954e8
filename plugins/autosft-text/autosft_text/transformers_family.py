"""`TransformersFamily`: text encoders of the library transformers. Knows neither data nor training."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

from autosft.api import (
    BackboneFamily,
    BackboneInfo,
    BadWeights,
    Choice,
    Inputs,
    Recipe,
    Row,
    Rows,
    Space,
    State,
    WeightFile,
)
from autosft_text.checkpoint import state_in, token_pooling, usual_pooling
from autosft_text.curated import CURATED, PREFIX
from autosft_text.local import from_folder
from autosft_text.tokenizing import TextTokenizer, truncation_note

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@final
class TransformersFamily(BackboneFamily):
    """Encoders and decoders of transformers, without their heads: BERT, RoBERTa, DistilBERT, MiniLM, ModernBERT,
    DeBERTa, GPT-2, Llama and their kin."""

    prefix = PREFIX
    rate = 0.1
    space: ClassVar[Space] = {
        "pooling": Choice(
            ("usual", "other"), doc="how token vectors are pooled: as usual for the architecture, or the other way"
        )
    }

    def curated(self) -> Sequence[BackboneInfo]:
        """Thirteen pretrained encoders of 17 to 149 million weights."""
        return CURATED

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """The curated encoders that a pattern matches, or else the repository of the hub that it names."""
        names = {info.name.removeprefix(f"{PREFIX}/"): info for info in CURATED}
        if found := [info for name, info in names.items() if fnmatch.fnmatchcase(name, pattern)]:
            return found
        if not _REPOSITORY.fullmatch(pattern):
            return []
        pretrained = {"hub": pattern, "beside": "config.json"}
        gives = frozenset({"pooled", "tokens"})
        return [
            BackboneInfo(name=f"{PREFIX}/{pattern}", inputs=Inputs(kind="text"), gives=gives, pretrained=pretrained)
        ]

    def space_for(self, info: BackboneInfo) -> Space:
        """How to pool is a choice where nothing says how the checkpoint was trained."""
        return {} if info.arguments.get("pooling") else self.space

    def local(self, path: Path) -> tuple[BackboneInfo, WeightFile] | None:
        """A folder with `config.json`, `tokenizer.json` and `model.safetensors`."""
        return from_folder(path) if path.is_dir() else None

    def version(self) -> str:
        """Those of transformers and of its tokenizers, and its own."""
        return f"{metadata.version('transformers')} {metadata.version('tokenizers')} 3"

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """Configuration and tokenizer, from beside the weights.

        Raises:
            BadWeights: There are none, or something beside them is missing.
        """
        if weights is None or not Path(weights.path).is_dir():
            raise BadWeights(f"{info.name}: its tokenizer lies in a folder with its weights, and there is none.")
        return state_in(Path(weights.path))

    def note(self, info: BackboneInfo, state: State, rows: Rows, read: Callable[[Row], Any]) -> str:
        """How many texts are longer than what is seen of them."""
        return truncation_note(_tokenizer(info, state), rows, read)

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """The network with all weights of a folder, its tokenizer, and the pooling and layers that it was trained with.

        What a folder says goes before what is known of its name.
        """
        from autosft_text.pooling import Pooling, layers_of, load_layers
        from autosft_text.transformer_encoder import TransformerEncoder, network_of, pretrained_network

        values = state.values
        config, layers = values["config"], values.get("layers", [])
        network = network_of(config) if weights is None else pretrained_network(config, weights)
        tokenizer = _tokenizer(info, state)
        pooling = str(values["pooling"] or info.arguments.get("pooling") or "")
        if not pooling:
            pooling = usual_pooling(config)
            if recipe.of(PREFIX).get("pooling", "usual") == "other":
                pooling = "mean" if pooling != "mean" else token_pooling(config)
        modes = tuple(pooling.split("+"))
        skipped = 0 if values.get("pools_prompt", True) else tokenizer.before_tokens
        built, width = layers_of(layers, len(modes) * int(network.config.hidden_size))
        if weights is not None:
            load_layers(built, layers, Path(weights.path))
        return TransformerEncoder(network, tokenizer, Pooling(modes, skipped), built, width)


def _tokenizer(info: BackboneInfo, state: State) -> TextTokenizer:
    values = state.values
    return TextTokenizer(
        state.arrays["tokenizer"].tobytes(),
        longest=values["longest"],
        pad=values["pad"],
        between=values["between"],
        before=str(values.get("prompt") or info.arguments.get("before", "")),
    )

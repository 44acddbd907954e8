"""`TransformerEncoder`: a transformers network with its tokenizer.

Apart from its family, because a module needs torch, and whoever lists backbones does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn.functional import layer_norm  # noqa: TID253

from autosft.api import BadInput, BadWeights, WeightFile
from autosft.api.tensors import Graph, Masked, MaskingEncoder
from autosft.api.weights import sha256_of_file
from autosft_text.checkpoint import WEIGHTS, is_of_several, own, reads_text
from autosft_text.masking import chosen_tokens, corrupted
from autosft_text.pooling import Pooling
from autosft_text.sentence import encoder_folder
from autosft_text.tokenizing import TextTokenizer

_GROUP = 8
"""Texts that a CPU encodes at a time, without gradients: of 8 of these, sorted by their tokens, 4 to 8 % are padding,
where it is 16 to 28 % of a whole batch (`words.pieces`)."""

_SHOWN = 4
"""Keys that an error lists."""


@final
class TransformerEncoder(MaskingEncoder):
    """From texts to `"pooled"` (batch, width), `"tokens"` (batch, length, width) and `"mask"` (batch, length).

    Args:
        network: A base model of transformers, without head.
        tokenizer: Its tokenizer.
        pooling: From the vectors of tokens to one, the same at both depths.
        layers: What follows at the last depth, as `autosft_text.pooling.layers_of` builds it.
        width: The width of what the layers give.
    """

    def __init__(
        self, network: Any, tokenizer: TextTokenizer, pooling: Pooling, layers: nn.Sequential, width: int
    ) -> None:
        super().__init__()
        self.network: Any = network
        self.layers = layers
        self._tokenizer, self._pooling = tokenizer, pooling
        tokens = int(network.config.hidden_size)
        self.widths = {"pooled": width + len(pooling.modes) * tokens, "tokens": tokens}
        self.place_width = tokens

    def forward(self, inputs: Sequence[str]) -> Mapping[str, Tensor]:
        """Encode texts."""
        device = next(self.network.parameters()).device
        numbers, mask = (torch.from_numpy(array).to(device) for array in self._tokenizer(inputs))
        if device.type == "cpu" and not torch.is_grad_enabled():
            pooled, tokens = self._in_groups(numbers, mask)
        else:
            pooled, tokens = encoded(self.network, numbers, mask, self._pooling, self.layers)
        return {"pooled": pooled, "tokens": tokens, "mask": mask}

    def masked(self, inputs: Sequence[str], fraction: float, generator: torch.Generator) -> Masked:
        """What the last layer has at a fraction of the tokens, most of which are masked.

        Raises:
            BadInput: The tokenizer has no token for what is hidden.
        """
        if (mask := self._tokenizer.mask) is None:
            raise BadInput("its tokenizer has no token that stands for one that is hidden")
        given, there = self._tokenizer(inputs)
        numbers, places = torch.from_numpy(given), torch.from_numpy(self._tokenizer.ordinary(given, there))
        chosen = chosen_tokens(places, fraction, generator)
        embeddings = self.token_embeddings()
        shown = corrupted(numbers, chosen, mask, len(embeddings), generator).to(embeddings.device)
        seen = torch.from_numpy(there).to(embeddings.device)
        states = self.network(input_ids=shown, attention_mask=seen.long()).last_hidden_state
        return Masked(states[chosen.to(states.device)], numbers[chosen].to(states.device))

    def token_embeddings(self) -> Tensor:
        """The network's own."""
        return self.network.get_input_embeddings().weight

    def _in_groups(self, numbers: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled vectors and tokens, a few texts of like length at a time: where work is what costs, and not its
        beginning, that saves most of the padding."""
        order = mask.sum(1).argsort(stable=True)
        pooled = torch.zeros(len(numbers), self.widths["pooled"])
        tokens = torch.zeros(*numbers.shape, self.widths["tokens"])
        for group in order.split(_GROUP):
            longest = int(mask[group[-1]].sum())
            some = numbers[group, :longest], mask[group, :longest]
            pooled[group], tokens[group, :longest] = encoded(self.network, *some, self._pooling, self.layers)
        return pooled, tokens

    def graph(self) -> Graph:
        """From numbers of tokens, as the tokenizer beside them gives them."""

        def tensors(texts: Sequence[str]) -> Mapping[str, Tensor]:
            numbers, there = self._tokenizer(texts)
            return {"input_ids": torch.from_numpy(numbers), "attention_mask": torch.from_numpy(there).long()}

        varying = {name: {1: "length"} for name in ("input_ids", "attention_mask")}
        files = {"tokenizer.json": self._tokenizer.content}
        graph = _OfTokens(self.network, self._pooling, self.layers)
        return Graph(graph, tensors, varying, self._tokenizer.preparation(), files)

    def blocks(self) -> Sequence[Sequence[str]]:
        """Embeddings, each layer, and what comes after the last one."""
        first: list[str] = []
        layers: dict[int, list[str]] = {}
        rest: list[str] = []
        for name, _ in self.named_parameters():
            number = re.search(r"\.(\d+)\.", name)
            if name.startswith("layers."):
                rest.append(name)
            elif number:
                layers.setdefault(int(number[1]), []).append(name)
            else:
                (rest if layers else first).append(name)
        return [block for block in (first, *(layers[number] for number in sorted(layers)), rest) if block]


@final
class _OfTokens(nn.Module):
    """What of the encoder is a graph: all but the tokenizer."""

    def __init__(self, network: Any, pooling: Pooling, layers: nn.Sequential) -> None:
        super().__init__()
        self.network: Any = network
        self.layers = layers
        self._pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Mapping[str, Tensor]:
        mask = attention_mask > 0
        pooled, tokens = encoded(self.network, input_ids, mask, self._pooling, self.layers)
        return {"pooled": pooled, "tokens": tokens, "mask": mask}


def encoded(
    network: Any, numbers: Tensor, mask: Tensor, pooling: Pooling, after: nn.Sequential
) -> tuple[Tensor, Tensor]:
    """The pooled vector, and the last layer's tokens.

    The pooled vector is made of two layers side by side: the last one, behind the layers that follow it, and the one a
    third of the way back, normalized. The last layers have learned to do what the network was trained for, and earlier
    ones know more of other things (Liu et al., 2019); what both are worth is in benchmarks/README.md.
    """
    told = network(input_ids=numbers, attention_mask=mask.long(), output_hidden_states=True)
    layers = len(told.hidden_states) - 1
    earlier = pooling(told.hidden_states[layers - max(1, layers // 3)], mask)
    last = after(pooling(told.last_hidden_state, mask))
    return torch.cat([last, layer_norm(earlier, earlier.shape[1:])], dim=1), told.last_hidden_state


def network_of(config: Mapping[str, Any]) -> Any:
    """A base model with fresh weights.

    Raises:
        BadWeights: transformers does not know the architecture, or refuses the configuration.
    """
    from transformers import AutoModel

    return _headless(_built(lambda settings: AutoModel.from_config(settings, dtype=torch.float32), config))


def pretrained_network(config: Mapping[str, Any], file: WeightFile) -> Any:
    """A base model with the weights of a folder: all of them, exactly, in single precision. Runs no code of the folder.

    Raises:
        BadWeights: The weights are missing or damaged, were replaced, or are those of another architecture.
    """
    from transformers import AutoModel
    from transformers.utils import logging

    folder = encoder_folder(Path(file.path))
    weights = folder / WEIGHTS
    if not file.path or not (weights.is_file() or (folder / f"{WEIGHTS}.index.json").is_file()):
        raise BadWeights(f"{file.path or file.source}: there is no folder with a {WEIGHTS}.")
    if file.sha256 and sha256_of_file(weights) != file.sha256:
        raise BadWeights(f"{weights}: its sha256 is not {file.sha256[:12]}…: damaged or replaced. Fetch it again.")

    def load(settings: Any) -> Any:
        return AutoModel.from_pretrained(
            folder,
            config=settings,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it would report what is missing in tables; here that is an error or expected
    try:
        network, told = _built(load, config)
    finally:
        logging.set_verbosity(verbosity)
    network = _headless(network)
    _refuse_misfits(weights, network, told)
    return network


def _built(build: Any, config: Mapping[str, Any]) -> Any:
    from transformers import CONFIG_MAPPING

    kind = str(config["model_type"])
    if kind not in CONFIG_MAPPING:
        raise BadWeights(f"transformers knows no model_type {kind!r}; install a version that does.")
    if not reads_text(kind) or is_of_several(config):  # some types have further models read, from anywhere
        raise BadWeights(f"{kind} is no encoder of texts alone; only such are built.")
    try:
        settings = CONFIG_MAPPING[kind].from_dict(own(config))
        settings.use_cache = False
        return build(settings)
    except Exception as error:  # it raises whatever a damaged file or a strange configuration provokes
        words = " ".join(str(error).split())[:300]
        raise BadWeights(f"transformers cannot build or load this {kind} ({type(error).__name__}: {words}).") from error


def _headless(network: Any) -> Any:
    """The network without the layer on its first token that some architectures add and few checkpoints have trained."""
    if getattr(network, "pooler", None) is not None:
        network.pooler = None
    return network


def _refuse_misfits(path: Path, network: Any, told: Mapping[str, Any]) -> None:
    """What a head needs may be missing or left over; what the network itself has must be there, and nothing more."""
    parts = {name.partition(".")[0] for name in network.state_dict()}
    missing = sorted(key for key in told["missing_keys"] if not key.startswith("pooler."))
    prefix = f"{network.base_model_prefix}."
    unexpected = sorted(key for key in told["unexpected_keys"] if key.removeprefix(prefix).partition(".")[0] in parts)
    reshaped = sorted(str(entry[0]) for entry in told.get("mismatched_keys") or ())
    misfits = [
        f"{kind}: {', '.join(keys[:_SHOWN])}{' …' if len(keys) > _SHOWN else ''}"
        for kind, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
        if keys
    ]
    if misfits:
        raise BadWeights(f"{path}: these are not the weights of this architecture: {'; '.join(misfits)}.")

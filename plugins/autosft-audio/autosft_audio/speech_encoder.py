"""`SpeechEncoder`: an encoder of transformers as an AutoSFT encoder.

Apart from its family, because a module needs torch, and whoever lists backbones does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor  # noqa: TID253
from torch.nn import functional  # noqa: TID253
from torch.nn.utils.rnn import pad_sequence  # noqa: TID253

from autosft.api.tensors import Encoder
from autosft_audio.frontend import by_length
from autosft_audio.mel import mel_filters, power_spectrum
from autosft_audio.reading import RATE

DEPTHS = 4
"""Layers that the pooled vector is made of: the first input, the last output, and two evenly between. What a voice, a
noise or a word is shows at different depths (SUPERB: Yang et al., 2021)."""

_SIZE, _HOP = 400, 160
"""Whisper's: samples of a frame, and between two frames."""


@final
class SpeechEncoder(Encoder):
    """Gives `"pooled"`, the means over time of four depths, each normalized, and `"tokens"`, the last layer's frames.

    Args:
        network: As `network_of` builds it.
        normalize: Whether it was trained on waves of mean 0 and variance 1.
    """

    def __init__(self, network: Any, *, normalize: bool) -> None:
        super().__init__()
        self.network: Any = network
        self._normalize = normalize
        width = int(network.config.hidden_size)
        self.widths = {"pooled": DEPTHS * width, "tokens": width}
        self._whisper = network.config.model_type == "whisper"
        self.filters: Tensor
        bands = int(getattr(network.config, "num_mel_bins", 1))
        filters = mel_filters(bands, _SIZE, RATE, 0.0, RATE / 2, "slaney")
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)

    def forward(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """Encode waves, each of shape (samples,)."""
        rows = by_length(inputs, self._encode)
        means = torch.stack([row.mean(1) for row in rows])
        lengths = torch.tensor([row.shape[1] for row in rows], device=means.device)
        tokens = pad_sequence([row[-1] for row in rows], batch_first=True)
        return {
            "pooled": functional.layer_norm(means, means.shape[2:]).flatten(1),
            "tokens": tokens,
            "mask": torch.arange(tokens.shape[1], device=means.device) < lengths[:, None],
        }

    def blocks(self) -> Sequence[Sequence[str]]:
        """What is before the layers, each layer, and what comes after, with the last."""
        layers = len(self.network.encoder.layers if hasattr(self.network, "encoder") else self.network.layers)
        stable = getattr(self.network.config, "do_stable_layer_norm", False)
        blocks: list[list[str]] = [[] for _ in range(layers + 1)]
        for name, _ in self.named_parameters():
            place = re.search(r"\blayers\.(\d+)\.", name)
            last = name.startswith("network.layer_norm") or (stable and name.startswith("network.encoder.layer_norm"))
            blocks[int(place[1]) + 1 if place else layers if last else 0].append(name)
        return blocks

    def _encode(self, waves: Tensor) -> Tensor:
        """From waves of one length, shape (rows, samples), to shape (rows, depths, frames, width)."""
        if self._normalize:
            centred = waves - waves.mean(1, keepdim=True)
            waves = centred / (centred.square().mean(1, keepdim=True) + 1e-7).sqrt()
        states = self._whispered(waves) if self._whisper else self._heard(waves)
        places = [round(depth * (len(states) - 1) / (DEPTHS - 1)) for depth in range(DEPTHS)]
        return torch.stack([states[place] for place in places], dim=1)

    def _heard(self, waves: Tensor) -> list[Tensor]:
        """What goes into the first layer, and what comes out of each; of the last one with the norm that may follow."""
        encoded = self.network(waves, output_hidden_states=True)
        return [*encoded.hidden_states[:-1], encoded.last_hidden_state]

    def _whispered(self, waves: Tensor) -> list[Tensor]:
        """Whisper's layers over as many frames as there are: it fills up to 30 s with silence, which costs six times as
        much for a clip of 5 s and says nothing more."""
        bands = (power_spectrum(waves, _SIZE, _HOP, pad="reflect")[:, :-1] @ self.filters).clamp_min(1e-10).log10()
        bands = (bands.maximum(bands.amax((1, 2), keepdim=True) - 8.0) + 4.0) / 4.0
        network = self.network
        frames = functional.gelu(network.conv1(bands.transpose(1, 2)))
        frames = functional.gelu(network.conv2(frames)).transpose(1, 2)
        states = [frames + network.embed_positions.weight[: frames.shape[1]]]
        for layer in network.layers:
            states.append(layer(states[-1], None))
        return [*states[:-1], network.layer_norm(states[-1])]

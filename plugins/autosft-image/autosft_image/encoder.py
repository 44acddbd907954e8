"""`TimmEncoder`: a timm network as an AutoSFT encoder. Imported by `TimmFamily.build` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn.functional import adaptive_avg_pool2d, interpolate, layer_norm  # noqa: TID253

from autosft.api import BadInput
from autosft.api.tensors import Masked, MaskingEncoder

EARLIER = 2
"""Stages before the last whose means over the picture join the pooled vector, each normalized. The last one has learned
what its classes need and forgotten other things, such as textures (Head2Toe: Evci et al., 2022); what they are worth is
in benchmarks/README.md."""


_STRIDE = 32
"""Pixels between two places of the last map, where timm does not say."""

_SHOWN = 8
"""Of a hidden patch of whatever size so many pixels across and down are asked for: means of smaller squares."""


@final
class TimmEncoder(MaskingEncoder):
    """Gives `"pooled"`, what timm pools with the means of earlier stages beside it, and `"maps"` (batch, channels,
    height, width) or `"tokens"`, class token and all."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        # Channels last in memory: a third less time for training and encoding with convolutions (benchmarks/README.md).
        self.network: Any = network.to(memory_format=torch.channels_last)
        self._channels_last = getattr(network, "output_fmt", None) == "NHWC"
        self._forgetful = [part for part in network.modules() if hasattr(part, "attention_bias_cache")]
        stages = _channels(network)
        self._earlier = _earlier(len(stages))
        last = int(network.num_features)
        pooled = int(getattr(network, "head_hidden_size", 0) or last) + sum(stages[place] for place in self._earlier)
        self.widths = {"pooled": pooled, "maps": last, "tokens": last}
        self._stride = _stride(network)
        self.place_width, self.place_numbers = last, 3 * _SHOWN**2

    def forward(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """Encode images, shape (batch, 3, height, width)."""
        for part in self._forgetful:  # it would answer with what followed from earlier weights
            part.attention_bias_cache.clear()
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        if self._earlier:
            features, stages = self.network.forward_intermediates(inputs, indices=self._earlier)
        else:
            features, stages = self.network.forward_features(inputs), []
        means = [stage.mean((2, 3)) for stage in stages]
        last = self.network.forward_head(features, pre_logits=True)
        encoded = {"pooled": torch.cat([last, *(layer_norm(mean, mean.shape[1:]) for mean in means)], dim=1)}
        if isinstance(features, Tensor) and features.ndim == 4:
            encoded["maps"] = features.permute(0, 3, 1, 2) if self._channels_last else features
        elif isinstance(features, Tensor) and features.ndim == 3:
            encoded["tokens"] = features
        return encoded

    def masked(self, inputs: Tensor, fraction: float, generator: torch.Generator) -> Masked:
        """What the last map, or the last tokens, have where a patch of pixels is hidden; the mean pixel stands there
        (SimMIM: Xie et al., 2022). Values are the patch at 8 x 8 pixels.

        Raises:
            BadInput: Its tokens are no patches of the image, but for what stands before them.
        """
        rows, _, height, width = inputs.shape
        down, across = (max(1, round(side / self._stride)) for side in (height, width))
        cells = down * across
        drawn = torch.rand(rows, cells, generator=generator).argsort(1).argsort(1)
        hidden = (drawn < max(1, round(fraction * cells))).view(rows, 1, down, across).to(inputs.device)
        covered = interpolate(hidden.float(), (height, width)).bool()
        places = self._places(self(inputs.masked_fill(covered, 0.0)), down, across)
        patches = adaptive_avg_pool2d(inputs, (down * _SHOWN, across * _SHOWN))
        patches = patches.unflatten(3, (across, _SHOWN)).unflatten(2, (down, _SHOWN)).permute(0, 2, 4, 1, 3, 5)
        return Masked(places[hidden[:, 0]], patches.flatten(3)[hidden[:, 0]])

    def _places(self, encoded: Mapping[str, Tensor], down: int, across: int) -> Tensor:
        """One vector per patch, shape (rows, down, across, width)."""
        if "maps" in encoded:
            return interpolate(encoded["maps"], (down, across)).permute(0, 2, 3, 1)
        tokens, before = encoded.get("tokens"), int(getattr(self.network, "num_prefix_tokens", 0))
        if tokens is None or tokens.shape[1] - before != down * across:
            raise BadInput(f"its tokens are not the {down} x {across} patches of the image")
        return tokens[:, before:].unflatten(1, (down, across))

    def blocks(self) -> Sequence[Sequence[str]]:
        """Parameters in timm's own groups, from the stem to the last norm."""
        from timm.models import group_parameters

        if not hasattr(self.network, "group_matcher"):
            return _by_child(self.network)
        groups = group_parameters(self.network, self.network.group_matcher(coarse=False))
        return [[f"network.{name}" for name in names] for _, names in sorted(groups.items()) if names]


def _stride(network: Any) -> int:
    """Pixels between two places of what the network ends in."""
    described = getattr(network, "feature_info", None)
    stages = list(getattr(described, "info", described) or ())
    return int(stages[-1].get("reduction", _STRIDE)) if stages else _STRIDE


def _channels(network: Any) -> list[int]:
    """The channels of each stage of a network; none if timm gives no more than its end."""
    described = getattr(network, "feature_info", None)
    if not described or not hasattr(network, "forward_intermediates"):
        return []
    return [int(stage["num_chs"]) for stage in getattr(described, "info", described)]


def _earlier(stages: int) -> list[int]:
    """The places of the stages that join the last one: those just before it, or of many, a quarter of all apart."""
    step = max(1, stages // 4)
    return sorted(range(stages - 1 - step, -1, -step)[:EARLIER])


def _by_child(network: nn.Module) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name, _ in network.named_parameters():
        groups.setdefault(name.split(".")[0], []).append(f"network.{name}")
    return list(groups.values())

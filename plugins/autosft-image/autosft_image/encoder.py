"""`TimmEncoder`: a timm network as an AutoSFT encoder. Imported by `TimmFamily.build` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253

from autosft.contracts.tensors import Encoder


@final
class TimmEncoder(Encoder):
    """Gives `"pooled"`, and `"maps"` (batch, channels, height, width) or `"tokens"`, class token and all."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        # Channels last in memory: a third less time for training and encoding with convolutions (benchmarks/README.md).
        self.network: Any = network.to(memory_format=torch.channels_last)
        self._channels_last = getattr(network, "output_fmt", None) == "NHWC"
        self._forgetful = [part for part in network.modules() if hasattr(part, "attention_bias_cache")]
        last = int(network.num_features)
        pooled = int(getattr(network, "head_hidden_size", 0) or last)
        self.widths = {"pooled": pooled, "maps": last, "tokens": last}

    def forward(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """Encode images, shape (batch, 3, height, width)."""
        for part in self._forgetful:  # it would answer with what followed from earlier weights
            part.attention_bias_cache.clear()
        features = self.network.forward_features(inputs.contiguous(memory_format=torch.channels_last))
        encoded: dict[str, Tensor] = {"pooled": self.network.forward_head(features, pre_logits=True)}
        if isinstance(features, Tensor) and features.ndim == 4:
            encoded["maps"] = features.permute(0, 3, 1, 2) if self._channels_last else features
        elif isinstance(features, Tensor) and features.ndim == 3:
            encoded["tokens"] = features
        return encoded

    def blocks(self) -> Sequence[Sequence[str]]:
        """Parameters in timm's own groups, from the stem to the last norm."""
        from timm.models import group_parameters

        if not hasattr(self.network, "group_matcher"):
            return _by_child(self.network)
        groups = group_parameters(self.network, self.network.group_matcher(coarse=False))
        return [[f"network.{name}" for name in names] for _, names in sorted(groups.items()) if names]


def _by_child(network: nn.Module) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name, _ in network.named_parameters():
        groups.setdefault(name.split(".")[0], []).append(f"network.{name}")
    return list(groups.values())

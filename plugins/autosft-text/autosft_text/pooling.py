"""From the vectors of tokens to one per text, and the layers that may follow. Imported by encoders alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api import BadWeights, WeightFile
from autosft.api.weights import load_weights

MODES = ("first", "last", "max", "mean", "mean_sqrt_len", "weighted_mean")
"""How vectors of tokens become one: that of the first token or of the last; their maximum; their mean; their sum over
the square root of how many they are; their mean with weights 1, 2, 3, … (Muennighoff, 2022)."""


@dataclass(frozen=True)
class Pooling:
    """From the vectors of tokens to one per text.

    Attributes:
        modes: Some of `MODES`; what they give stands side by side.
        skipped: So many tokens in front do not count, such as those of a prompt, unless a text has no others.
    """

    modes: tuple[str, ...]
    skipped: int = 0

    def __call__(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """One vector per text, shape (batch, modes * width).

        Args:
            tokens: Shape (batch, length, width); what is there comes first.
            mask: True where there is a token, shape (batch, length); at least once per text.
        """
        places = torch.arange(tokens.shape[1], device=tokens.device)
        if self.skipped:
            behind = places >= self.skipped
            alone = ~(mask & behind).any(1, keepdim=True)
            mask = mask & (behind | alone)  # not by `where`, which ONNX Runtime has for no booleans
        pooled = [_pooled(mode, tokens, mask, places) for mode in self.modes]
        return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=1)


def _pooled(mode: str, tokens: Tensor, mask: Tensor, places: Tensor) -> Tensor:
    rows = torch.arange(tokens.shape[0], device=tokens.device)  # len would tie an export to one size of batch
    if mode == "first":
        return tokens[rows, mask.int().argmax(1)]
    if mode == "last":
        return tokens[rows, (mask * places).amax(1)]
    there = mask[..., None]
    if mode == "max":
        return tokens.masked_fill(~there, float("-inf")).amax(1)
    if mode == "weighted_mean":
        weights = there * (places + 1)[None, :, None].to(tokens.dtype)
        return (tokens * weights).sum(1) / weights.sum(1)
    count = there.sum(1)
    return (tokens * there).sum(1) / (count.sqrt() if mode == "mean_sqrt_len" else count)


class _Dense(nn.Module):
    """A linear layer with an activation; `residual` adds what went in."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool, residual: bool, activation: str) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=bias)
        self.activation: nn.Module = getattr(nn, activation)()
        self._adds = residual
        if residual and inputs != outputs:
            self.residual = nn.Linear(inputs, outputs, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        out = self.activation(self.linear(vectors))
        if not self._adds:
            return out
        return out + (self.residual(vectors) if hasattr(self, "residual") else vectors)


class _LayerNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.norm(vectors)


class _Normalize(nn.Module):
    """Every vector at one length."""

    def __init__(self, length: float) -> None:
        super().__init__()
        self._length = length

    def forward(self, vectors: Tensor) -> Tensor:
        return self._length * functional.normalize(vectors, dim=-1)


def layers_of(layers: Sequence[Mapping[str, Any]], width: int) -> tuple[nn.Sequential, int]:
    """The layers behind the pooling, with fresh weights, and the width of what they give.

    A normalization at the very end gives vectors of length sqrt(width) instead of 1: the same directions, at the scale
    that other encoders' vectors have and that rates of learning are meant for.

    Args:
        layers: As `sentence_modules` tells them.
        width: Of the pooled vectors.

    Raises:
        BadWeights: A layer does not fit the one before, or torch has no such activation.
    """
    built: list[nn.Module] = []
    for place, layer in enumerate(layers):
        sizes = {key: value for key, value in layer.items() if key not in ("kind", "path")}
        wanted = sizes.get("inputs", sizes.get("width", width))
        if wanted != width:
            raise BadWeights(f"{layer['path']}: it takes vectors of {wanted} numbers, and gets {width}.")
        if layer["kind"] == "Dense":
            try:
                built.append(_Dense(**sizes))
            except (AttributeError, TypeError) as error:
                raise BadWeights(f"{layer['path']}: {sizes['activation']} is no plain activation.") from error
            width = int(sizes["outputs"])
        elif layer["kind"] == "LayerNorm":
            built.append(_LayerNorm(width))
        elif layer["kind"] == "Dropout":
            built.append(nn.Dropout(sizes["rate"]))
        else:
            built.append(_Normalize(width**0.5 if place == len(layers) - 1 else 1.0))
    return nn.Sequential(*built), width


def load_layers(built: nn.Sequential, layers: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Put weights from below a folder into the layers; all of them, exactly.

    Raises:
        BadWeights: Some are missing or damaged, or do not fit.
    """
    for module, layer in zip(built, layers, strict=True):
        if "path" in layer:
            file = folder / str(layer["path"]) / "model.safetensors"
            if not file.is_file():
                raise BadWeights(f"{file} is missing, and modules.json asks for it; fetch the whole folder.")
            load_weights(module, WeightFile(source="folder", path=str(file)))

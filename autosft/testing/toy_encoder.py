"""The encoder of the toy plugin. It needs torch, so `toy` imports it only when an encoder is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from autosft.api.tensors import Masked, MaskingEncoder

FIXED_SEED = 20_000
"""Toy encoders come with the same weights everywhere, as if they had been pretrained."""


class ToyEncoder(MaskingEncoder):
    """A perceptron of two blocks. A point is one place: some of its numbers are hidden, and all are asked for.

    Args:
        numbers: How many numbers a point has.
        width: How many numbers come out.
        activation: `"tanh"` or `"relu"`.
    """

    def __init__(self, numbers: int, width: int, activation: str) -> None:
        super().__init__()
        self.widths = {"pooled": width}
        self.place_width, self.place_numbers = width, numbers
        self.activation = torch.tanh if activation == "tanh" else torch.relu
        self.first = nn.Linear(numbers, width)
        self.second = nn.Linear(width, width)
        draw = torch.Generator().manual_seed(FIXED_SEED)
        with torch.no_grad():
            for linear in (self.first, self.second):
                linear.weight.normal_(std=linear.in_features**-0.5, generator=draw)
                linear.bias.zero_()

    def forward(self, inputs: Any) -> Mapping[str, Tensor]:
        """Points (rows, numbers) to `"pooled"` (rows, width)."""
        return {"pooled": self.activation(self.second(self.activation(self.first(inputs))))}

    def masked(self, inputs: Any, fraction: float, generator: torch.Generator) -> Masked:
        """Points with 0, the mean of all, in the place of what is hidden."""
        hidden = torch.rand(inputs.shape, generator=generator) < fraction
        return Masked(self(inputs.masked_fill(hidden.to(inputs.device), 0.0))["pooled"], inputs)

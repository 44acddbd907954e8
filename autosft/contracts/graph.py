"""`Graph`: an encoder as a graph of tensors, for exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Graph:
    """What an export makes a file of, in place of an encoder.

    Attributes:
        module: Takes the tensors, by position, and gives what the encoder gives.
        tensors: From a batch's inputs to the tensors by name, each batch first.
        varying: By the names of tensors, the axes beside the first that differ from batch to batch, and what they are
            called.
        preparation: What must be known to make the tensors without AutoSFT, as plain JSON.
        files: What else is needed for that, such as a tokenizer, by file name.
    """

    module: nn.Module
    tensors: Callable[[Any], Mapping[str, Tensor]]
    varying: Mapping[str, Mapping[int, str]] = field(default_factory=dict[str, Mapping[int, str]])
    preparation: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

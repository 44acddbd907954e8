"""`ShapesFamily`: encoders of points that give every kind of output, to try parts with that a perceptron cannot try.

`"shapes/trained"` learns; in `"shapes/fitted"` nothing can be trained, as in an encoder of counts of words.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, Inputs, WeightFile
from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import Row, Rows
from autosft.contracts.state import State
from autosft.contracts.tensors import Encoder

WIDTH, TOKENS, SIDE = 8, 4, 2
OUTPUTS = frozenset({"pooled", "tokens", "maps", "logits"})


@final
class ShapesFamily(BackboneFamily):
    """Of points; see `ShapesEncoder`."""

    prefix = "shapes"

    def curated(self) -> Sequence[BackboneInfo]:
        """One that learns and one that does not."""
        points = Inputs(kind="points")
        return [
            BackboneInfo(name="shapes/trained", inputs=points, gives=OUTPUTS),
            BackboneInfo(name="shapes/fitted", inputs=points, gives=OUTPUTS, origin="fitted"),
        ]

    def match(self, pattern: str) -> Sequence[BackboneInfo]:
        """Those of the two that match."""
        return [info for info in self.curated() if fnmatch.fnmatchcase(info.name.removeprefix("shapes/"), pattern)]

    def fit(
        self, info: BackboneInfo, rows: Rows, read: Callable[[Row], Any], weights: WeightFile | None = None
    ) -> State:
        """How many numbers a point has."""
        return State({"numbers": len(read(rows[0]))})

    def build(self, info: BackboneInfo, recipe: Recipe, state: State, weights: WeightFile | None) -> Encoder:
        """The encoder, with the same first weights everywhere."""
        return ShapesEncoder(state.values["numbers"], learns=info.origin != "fitted")


@final
class ShapesEncoder(Encoder):
    """A perceptron, whose numbers are given as tokens (rows, 4, 8), maps (rows, 8, 2, 2), their mean and logits.

    Args:
        numbers: How many numbers a point has.
        learns: Whether it has parameters; else its weights are buffers.
    """

    def __init__(self, numbers: int, *, learns: bool) -> None:
        super().__init__()
        self.widths = dict.fromkeys(OUTPUTS, WIDTH)
        draw = torch.Generator().manual_seed(0)
        for name, rows, columns in (("first", numbers, 16), ("second", 16, TOKENS * WIDTH)):
            weight = torch.randn(rows, columns, generator=draw) / rows**0.5
            if learns:
                self.register_parameter(name, nn.Parameter(weight))
            else:
                self.register_buffer(name, weight)

    def forward(self, inputs: Any) -> Mapping[str, Tensor]:
        """Points (rows, numbers) to every output."""
        first, second = self.get_tensor("first"), self.get_tensor("second")
        tokens = (torch.tanh(inputs @ first) @ second).tanh().view(-1, TOKENS, WIDTH)
        maps = tokens.transpose(1, 2).reshape(-1, WIDTH, SIDE, SIDE)
        return {"pooled": tokens.mean(1), "tokens": tokens, "maps": maps, "logits": tokens}

    def get_tensor(self, name: str) -> Tensor:
        """A weight, whether it learns or not."""
        found = self._parameters.get(name)
        return self._buffers[name] if found is None else found  # pyright: ignore[reportReturnType]

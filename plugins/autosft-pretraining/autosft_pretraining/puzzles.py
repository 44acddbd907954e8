"""`Puzzles`: pictures whose tiles are laid out in another order, and a head that tells which. It needs torch."""

from __future__ import annotations

import itertools
import math
from typing import final

import numpy as np
import numpy.typing as npt
import torch  # noqa: TID253 - only methods of strategies import this file
from torch import Generator, Tensor  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api.tensors import Batch, Encoder
from autosft_pretraining.objective import Objective, drawn_generator, perceptron

ORDERS = 64
"""Orders that are told apart, or all that there are. Noroozi and Favaro have 1,000 for a million pictures."""

SHOWN = 0.75
"""Of the side of a cell so much is shown of it, as 64 of 85 pixels by Noroozi and Favaro; where is drawn."""

_TRIED = 20_000
"""Orders among which each next one is chosen."""

_WIDTH = 512


def distant_orders(cells: int, count: int) -> npt.NDArray[np.int64]:
    """Orders of cells, each as different from those before it as possible, by the places in which two differ.

    Args:
        cells: How many are put in order.
        count: How many orders; if there are not as many, all.
    """
    if math.factorial(cells) <= _TRIED:
        candidates = np.array(list(itertools.permutations(range(cells))))
    else:
        candidates = np.unique(np.random.default_rng(0).random((_TRIED, cells)).argsort(1), axis=0)
    chosen = [0]
    nearest = (candidates != candidates[0]).sum(1)
    while len(chosen) < min(count, len(candidates)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, (candidates != candidates[chosen[-1]]).sum(1))
    return candidates[chosen]


def laid_out(pictures: Tensor, orders: Tensor, tiles: int, generator: Generator) -> Tensor:
    """Pictures of the same size, in whose cells tiles of other cells stand, with gaps between them.

    Args:
        pictures: Shape (rows, channels, height, width).
        orders: For each row and cell, from left to right and down, whose tile stands there, shape (rows, tiles²).
        tiles: Across and down.
        generator: From it is drawn which part of each cell is shown.
    """
    rows, channels, height, width = pictures.shape
    cell = height // tiles, width // tiles
    shown = tuple(max(1, round(SHOWN * side)) for side in cell)
    cells = pictures[:, :, : cell[0] * tiles, : cell[1] * tiles].unflatten(3, (tiles, -1)).unflatten(2, (tiles, -1))
    cells = cells.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # rows, cells, channels, height, width
    places = [
        (torch.rand(rows * tiles**2, generator=generator) * (whole - part + 1)).long()[:, None] + torch.arange(part)
        for whole, part in zip(cell, shown, strict=True)
    ]
    down, across = (place.to(pictures.device) for place in places)
    parts = cells.flatten(0, 1).permute(0, 2, 3, 1)
    index = torch.arange(len(parts), device=pictures.device)[:, None, None]
    parts = parts[index, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2)
    parts = functional.layer_norm(parts, parts.shape[1:], eps=1e-3).unflatten(0, (rows, -1))
    moved = parts[torch.arange(rows, device=pictures.device)[:, None], orders]
    margin = [(whole - part) // 2 for whole, part in zip(cell, shown, strict=True)]
    framed = pictures.new_zeros(rows, tiles**2, channels, *cell)
    framed[..., margin[0] : margin[0] + shown[0], margin[1] : margin[1] + shown[1]] = moved
    whole = framed.unflatten(1, (tiles, tiles)).permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
    return functional.pad(whole, (0, width - whole.shape[3], 0, height - whole.shape[2]))


@final
class Puzzles(Objective):
    """A perceptron with one hidden layer, from the encoder's map at as many places as there are tiles, or where it
    gives none from the pooled vector, to orders.

    Args:
        encoder: What is taught.
        tiles: Across and down.
        maps: Whether the encoder gives a map.
    """

    def __init__(self, encoder: Encoder, tiles: int, *, maps: bool) -> None:
        super().__init__()
        self._tiles, self._maps = tiles, maps
        self.orders: Tensor
        self.register_buffer("orders", torch.from_numpy(distant_orders(tiles**2, ORDERS)))
        width = tiles**2 * encoder.widths["maps"] if maps else encoder.widths["pooled"]
        self.head = perceptron(width, _WIDTH, len(self.orders))

    def forward(self, encoder: Encoder, batch: Batch) -> Tensor:
        """The mean cross-entropy of the orders."""
        generator = drawn_generator()
        drawn = torch.randint(len(self.orders), (len(batch),), generator=generator).to(self.orders.device)
        encoded = encoder(laid_out(batch.inputs, self.orders[drawn], self._tiles, generator))
        if self._maps:
            given = functional.adaptive_avg_pool2d(encoded["maps"], self._tiles).flatten(1)
        else:
            given = encoded["pooled"]
        return functional.cross_entropy(self.head(given).float(), drawn)

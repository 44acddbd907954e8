"""`Mixing`: batches whose inputs are mixed of two rows each, by mixup or cutmix; what a loss needs goes with them.

It knows no problem: the loss of a mixed row is that with its own target and that with the other's, each by its share
(`losses.supervised`). Draws from torch's global generator alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import final

import torch
from torch import Tensor
from torch.distributions import Beta

from autosft.contracts.strategy import Sized
from autosft.contracts.tensors import Batch, Mixed


@final
class Mixing:
    """Mixes every batch, in one of the ways that are not 0.

    Args:
        batches: Of inputs that are one tensor of floats; for cutmix, pictures.
        mixup: Shares are drawn from Beta(mixup, mixup) (Zhang et al., 2018).
        cutmix: Areas are drawn from Beta(cutmix, cutmix) (Yun et al., 2019).

    Raises:
        TypeError: Inputs are something else; see `Modality.mixes`.
    """

    def __init__(self, batches: Sized, *, mixup: float, cutmix: float) -> None:
        self._batches = batches
        self._ways = [(way, alpha) for way, alpha in ((_mixup, mixup), (_cutmix, cutmix)) if alpha]

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches:
            if not (isinstance(batch.inputs, Tensor) and batch.inputs.is_floating_point()):
                raise TypeError("Only inputs that are one tensor of floats can be mixed.")
            way, alpha = self._ways[int(torch.randint(len(self._ways), ()))]
            share = float(Beta(alpha, alpha).sample())
            other = batch.take(torch.randperm(len(batch)).tolist())
            inputs, share = way(batch.inputs, other.inputs, share)
            yield replace(batch, inputs=inputs, mixed=Mixed(other.targets, other.weights, share))


def _mixup(inputs: Tensor, others: Tensor, share: float) -> tuple[Tensor, float]:
    return torch.lerp(others, inputs, share), share


def _cutmix(inputs: Tensor, others: Tensor, share: float) -> tuple[Tensor, float]:
    """The same box of every picture is that of another; the share that is left, as the box may reach over an edge."""
    sides = torch.tensor(inputs.shape[-2:])
    middle, half = torch.rand(2) * sides, 0.5 * (1 - share) ** 0.5 * sides
    top, left = (middle - half).round().clamp_min(0).int().tolist()
    bottom, right = torch.minimum((middle + half).round(), sides).int().tolist()
    inputs = inputs.clone()
    inputs[..., top:bottom, left:right] = others[..., top:bottom, left:right]
    return inputs, 1 - (bottom - top) * (right - left) / int(sides.prod())

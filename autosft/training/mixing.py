"""`Mixing`: batches whose inputs are mixed of two rows each, by mixup or cutmix; what a loss needs goes with them.

It knows no problem: the loss of a mixed row is that with its own target and that with the other's, each by its weight
(`losses.supervised`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from autosft.contracts.strategy import Batches
from autosft.contracts.tensors import Batch, Mixed
from autosft.training.seeds import seed_of


@final
class Mixing:
    """Mixes every batch, in one of the ways that are not 0.

    Args:
        batches: Of inputs that are one tensor of floats; for cutmix, pictures.
        mixup: Fractions are drawn from Beta(mixup, mixup) (Zhang et al., 2018).
        cutmix: Areas are drawn from Beta(cutmix, cutmix) (Yun et al., 2019).

    Raises:
        TypeError: Inputs are something else; see `Modality.mixes`.
    """

    def __init__(self, batches: Batches, *, mixup: float, cutmix: float) -> None:
        self._batches = batches
        self._mixup, self._cutmix = mixup, cutmix

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, seed: int) -> Iterator[Batch]:
        """The mixed batches of an epoch."""
        for number, batch in enumerate(self._batches.epoch(seed)):
            if not isinstance(batch, Batch):
                raise TypeError("Steps of several streams cannot be mixed.")
            yield mix(
                batch, np.random.default_rng(seed_of(seed, "mixing", number)), mixup=self._mixup, cutmix=self._cutmix
            )


def mix(batch: Batch, generator: np.random.Generator, *, mixup: float, cutmix: float) -> Batch:
    """A batch each of whose rows is mixed with another, in one of the ways that are not 0.

    Raises:
        TypeError: Inputs are not one tensor of floats, or some targets are missing.
    """
    if any(having is not None for having in batch.present):
        raise TypeError("Rows of which some targets are missing cannot be mixed.")
    if not (isinstance(batch.inputs, Tensor) and batch.inputs.is_floating_point()):
        raise TypeError("Only inputs that are one tensor of floats can be mixed.")
    ways = [(way, alpha) for way, alpha in ((_mixup, mixup), (_cutmix, cutmix)) if alpha]
    way, alpha = ways[int(generator.integers(len(ways)))]
    lam = float(generator.beta(alpha, alpha))
    other = batch.take(generator.permutation(len(batch)).tolist())
    inputs, lam = way(batch.inputs, other.inputs, lam, generator)
    return replace(batch, inputs=inputs, mixed=Mixed(other.targets, other.weights, lam))


def _mixup(inputs: Tensor, others: Tensor, lam: float, _: np.random.Generator) -> tuple[Tensor, float]:
    return torch.lerp(others, inputs, lam), lam


def _cutmix(inputs: Tensor, others: Tensor, lam: float, generator: np.random.Generator) -> tuple[Tensor, float]:
    """The same box of every picture is that of another; the fraction that is left, as the box may reach over an
    edge."""
    sides = torch.tensor(inputs.shape[-2:])
    middle, half = torch.from_numpy(generator.random(2)) * sides, 0.5 * (1 - lam) ** 0.5 * sides
    top, left = (middle - half).round().clamp_min(0).int().tolist()
    bottom, right = torch.minimum((middle + half).round(), sides).int().tolist()
    inputs = inputs.clone()
    inputs[..., top:bottom, left:right] = others[..., top:bottom, left:right]
    return inputs, 1 - (bottom - top) * (right - left) / int(sides.prod())

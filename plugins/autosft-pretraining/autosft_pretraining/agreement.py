"""Losses of two views of the same rows: `VicRegLoss` and `SimClrLoss`. They need torch."""

from __future__ import annotations

from typing import final

import torch  # noqa: TID253 - only methods of strategies import this file
from torch import Tensor  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api.tensors import Batch, Encoder
from autosft_pretraining.objective import Objective, perceptron

WIDTH = 512
"""Of projections. Bardes et al. find 8,192 to be best on a million pictures."""

SIMILARITY, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0
"""The weights of VICReg's terms (Bardes et al., 2022)."""


class _Projected(Objective):
    """A projector behind the pooled vector (Chen et al., 2020)."""

    def __init__(self, encoder: Encoder, *, layers: int) -> None:
        super().__init__()
        self.projector = perceptron(encoder.widths["pooled"], *[WIDTH] * layers, normalize=True)

    def projections(self, encoder: Encoder, batch: Batch) -> tuple[Tensor, Tensor]:
        """What both views of each row are projected to, each of shape (rows, width)."""
        first, second = (self.projector(encoder(view)["pooled"]).float() for view in batch.inputs)
        return first, second


@final
class VicRegLoss(_Projected):
    """The terms of VICReg.

    Args:
        encoder: What is taught.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder, layers=3)

    def forward(self, encoder: Encoder, batch: Batch) -> Tensor:
        """The weighted sum of the terms."""
        invariance, variance, covariance = vicreg_terms(*self.projections(encoder, batch))
        return SIMILARITY * invariance + VARIANCE * variance + COVARIANCE * covariance


@final
class SimClrLoss(_Projected):
    """The loss of SimCLR.

    Args:
        encoder: What is taught.
        temperature: By which similarities are divided.
    """

    def __init__(self, encoder: Encoder, temperature: float) -> None:
        super().__init__(encoder, layers=2)
        self._temperature = temperature

    def forward(self, encoder: Encoder, batch: Batch) -> Tensor:
        """The mean over both views of all rows."""
        return nt_xent(*self.projections(encoder, batch), self._temperature)


def vicreg_terms(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Invariance: the mean squared difference. Variance: by how much the deviation of each number stays below 1, the
    mean of both views. Covariance: the sum of squares of all between two numbers, over how many numbers there are, of
    both views.

    Args:
        first: Projections of one view, shape (rows, width).
        second: Of the other.
    """
    variances, covariances = zip(*map(_spread, (first, second)), strict=True)
    return functional.mse_loss(first, second), torch.stack(variances).mean(), torch.stack(covariances).sum()


def _spread(view: Tensor) -> tuple[Tensor, Tensor]:
    centred = view - view.mean(0)
    covariance = centred.T @ centred / (len(view) - 1)
    variance = functional.relu(1.0 - (covariance.diagonal() + 1e-4).sqrt()).mean()
    between = covariance.square().sum() - covariance.diagonal().square().sum()
    return variance, between / view.shape[1]


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The normalized, temperature-scaled cross-entropy: of all other views, by their cosines, that of the same row.

    Args:
        first: Projections of one view, shape (rows, width).
        second: Of the other.
        temperature: By which cosines are divided.
    """
    views = functional.normalize(torch.cat([first, second]), dim=1)
    similar = (views @ views.T / temperature).fill_diagonal_(float("-inf"))
    partner = torch.arange(len(views), device=views.device).roll(len(first))
    return functional.cross_entropy(similar, partner)

"""What encoders of waves share: rows of one length together, and log-mel frames. Imported by encoders alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253

from autosft.api import State
from autosft_audio.mel import BANDS, HOP, SIZE, cosines, decibels, mel_filters
from autosft_audio.reading import RATE


def by_length(waves: Sequence[Tensor], encode: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """What `encode` makes of each wave, in order; waves of equal length go in together, and none is padded.

    Nearly every encoder of sound normalizes over time somewhere, so what stands beside a wave in its batch would change
    what is made of it.

    Args:
        waves: Each of shape (samples,).
        encode: From (rows, samples) to a tensor whose first axis is the rows.
    """
    places: dict[int, list[int]] = {}
    for place, wave in enumerate(waves):
        places.setdefault(len(wave), []).append(place)
    encoded: dict[int, Tensor] = {}
    for group in places.values():
        encoded |= zip(group, encode(torch.stack([waves[place] for place in group])), strict=True)
    return [encoded[place] for place in range(len(waves))]


@final
class LogMelFrames(nn.Module):
    """Standardized log-mel bands, or cepstral coefficients, over time; nothing in it is trained.

    Args:
        state: What `band_statistics` gave.
    """

    def __init__(self, state: State) -> None:
        super().__init__()
        self.filters: Tensor
        self.basis: Tensor
        self.mean: Tensor
        self.scale: Tensor
        mean, scale = state.arrays["mean"], state.arrays["scale"]
        self.register_buffer("filters", torch.from_numpy(mel_filters(BANDS, SIZE, RATE, 0.0, RATE / 2, "slaney")))
        self.register_buffer("basis", torch.from_numpy(cosines(len(mean))))
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))

    def forward(self, waves: Tensor) -> Tensor:
        """From waves of one length, shape (rows, samples), to shape (rows, frames, bands)."""
        return self.standardized(self.decibels(waves))

    def decibels(self, waves: Tensor) -> Tensor:
        """The bands before anything learned from training rows is used, shape (rows, frames, bands)."""
        return decibels(waves, self.filters, HOP)

    def standardized(self, decibels: Tensor) -> Tensor:
        """The bands, or their coefficients, by the means and deviations of training rows."""
        return (decibels @ self.basis - self.mean) / self.scale

"""`LogMelFrames`, and `BandsEncoder`: what is told of frames over time. Imported by builds alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253

from autosft.contracts.state import State
from autosft.contracts.tensors import Encoder
from autosft_audio.bands import BANDS, HOP, SIZE, cosines
from autosft_audio.frontend import by_length, power_spectrum
from autosft_audio.mel import FLOOR, mel_filters
from autosft_audio.reading import RATE

_PARTS = 4
"""Parts of a clip whose means are told apart."""


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
        decibels = 10.0 * (power_spectrum(waves, SIZE, HOP) @ self.filters).clamp_min(FLOOR).log10()
        return (decibels @ self.basis - self.mean) / self.scale


@final
class BandsEncoder(Encoder):
    """Gives `"pooled"`: of each band its mean, deviation, maximum, minimum, mean change, and mean in each quarter."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.frames = LogMelFrames(state)
        self.widths = {"pooled": (5 + _PARTS) * len(state.arrays["mean"])}

    def forward(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """Encode waves, each of shape (samples,)."""
        return {"pooled": torch.stack(by_length(inputs, self._describe))}

    def _describe(self, waves: Tensor) -> Tensor:
        frames = self.frames(waves)
        if frames.shape[1] < _PARTS:
            frames = frames.repeat_interleave(_PARTS, dim=1)
        parts = [part.mean(1) for part in frames.tensor_split(_PARTS, dim=1)]
        changes = frames.diff(dim=1).abs().mean(1)
        whole = [frames.mean(1), frames.std(1, correction=0), frames.amax(1), frames.amin(1), changes]
        return torch.cat([*whole, *parts], dim=1)

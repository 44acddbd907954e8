"""`LogMelFrames`, and `BandsEncoder`: what is told of frames over time. Imported by builds alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api import State
from autosft.api.tensors import Encoder
from autosft_audio.bands import BANDS, HOP, SIZE, cosines
from autosft_audio.frontend import by_length, power_spectrum
from autosft_audio.mel import FLOOR, mel_filters
from autosft_audio.reading import RATE

_PARTS = 4
"""Parts of a clip whose means are told apart."""

_GROUPS = 8
"""Groups of neighbouring bands whose rhythm is told."""

_STRETCH, _OCTAVES = 128, ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, 64))
"""Frames, 1.28 s, over which a rhythm is looked for, and which bins of its spectrum go together: from 0.8 to 50 Hz."""


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
        return 10.0 * (power_spectrum(waves, SIZE, HOP) @ self.filters).clamp_min(FLOOR).log10()

    def standardized(self, decibels: Tensor) -> Tensor:
        """The bands, or their coefficients, by the means and deviations of training rows."""
        return (decibels @ self.basis - self.mean) / self.scale


@final
class BandsEncoder(Encoder):
    """Gives `"pooled"`: of each band its mean, deviation, maximum, minimum, mean change, and mean in each quarter; and
    the rhythm of groups of bands, by octaves of their modulation spectrum (Houtgast and Steeneken, 1985)."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.frames = LogMelFrames(state)
        self.widths = {"pooled": (5 + _PARTS) * len(state.arrays["mean"]) + _GROUPS * len(_OCTAVES)}

    def forward(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """Encode waves, each of shape (samples,)."""
        return {"pooled": torch.stack(by_length(inputs, self._describe))}

    def _describe(self, waves: Tensor) -> Tensor:
        decibels = self.frames.decibels(waves)
        frames = self.frames.standardized(decibels)
        if frames.shape[1] < _PARTS:
            frames = frames.repeat_interleave(_PARTS, dim=1)
        parts = [part.mean(1) for part in frames.tensor_split(_PARTS, dim=1)]
        changes = frames.diff(dim=1).abs().mean(1)
        whole = [frames.mean(1), frames.std(1, correction=0), frames.amax(1), frames.amin(1), changes]
        return torch.cat([*whole, *parts, _rhythm(decibels)], dim=1)


def _rhythm(decibels: Tensor) -> Tensor:
    """How strongly groups of bands swell and fade, by octaves of speed; shape (rows, groups x octaves)."""
    groups = decibels.unflatten(2, (_GROUPS, -1)).mean(3).transpose(1, 2)
    swelling = groups - groups.mean(2, keepdim=True)
    swelling = functional.pad(swelling, (0, max(0, _STRETCH - swelling.shape[2])))
    stretches = swelling.unfold(2, _STRETCH, _STRETCH // 2) * torch.hann_window(_STRETCH, device=decibels.device)
    spectrum = torch.fft.rfft(stretches).abs().log1p().mean(2)
    return torch.cat([spectrum[..., low:high].mean(2) for low, high in _OCTAVES], dim=1)

"""`BandsEncoder`: what is told of log-mel frames over time.

Apart from its family, because a module needs torch, and whoever lists backbones does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api import State
from autosft.api.tensors import Encoder
from autosft_audio.frontend import LogMelFrames, by_length

_PARTS = 4
"""Parts of a clip whose means are told apart."""

_GROUPS = 8
"""Groups of neighbouring bands whose rhythm is told."""

_STRETCH, _OCTAVES = 128, ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, 64))
"""Frames, 1.28 s, over which a rhythm is looked for, and which bins of its spectrum go together: from 0.8 to 50 Hz."""


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

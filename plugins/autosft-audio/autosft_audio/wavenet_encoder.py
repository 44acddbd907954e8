"""`WaveNetEncoder`: gated, dilated convolutions over log-mel frames.

Apart from its family, because a module needs torch, and whoever lists backbones does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn.functional import max_pool1d  # noqa: TID253
from torch.nn.utils.rnn import pad_sequence  # noqa: TID253

from autosft.api import State
from autosft.api.tensors import Masked, MaskingEncoder
from autosft_audio.frontend import LogMelFrames, by_length
from autosft_audio.mel import BANDS

CHANNELS, DILATIONS = 64, (1, 2, 4, 8, 16, 1, 2, 4, 8, 16)
"""The width of the network, and how far apart the three frames lie that each layer looks at; together 1.3 s."""


SPAN = 10
"""Frames, 0.1 s, that are hidden together: of single ones those beside them would tell (wav2vec 2.0: Baevski et al.,
2020)."""


class _Layer(nn.Module):
    """A gated convolution; gives the next layer's input and what goes to the end at once."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(CHANNELS)
        self.gated = nn.Conv1d(CHANNELS, 2 * CHANNELS, 3, padding=dilation, dilation=dilation)
        self.residual = nn.Linear(CHANNELS, CHANNELS)
        self.skip = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        value, gate = self.gated((self.norm(frames) * mask).transpose(1, 2)).transpose(1, 2).chunk(2, dim=2)
        found = value.tanh() * gate.sigmoid()
        return frames + self.residual(found), self.skip(found)


@final
class WaveNetEncoder(MaskingEncoder):
    """Gives `"pooled"`: the mean and the maximum over time of what all layers pass on.

    Frames are padded to the longest of the batch and masked in every layer, so that a row's neighbours change nothing.
    """

    def __init__(self, state: State) -> None:
        super().__init__()
        self.widths = {"pooled": 2 * CHANNELS}
        self.place_width, self.place_numbers = CHANNELS, BANDS
        self.frames = LogMelFrames(state)
        self.entry = nn.Linear(BANDS, CHANNELS)
        self.layers = nn.ModuleList(_Layer(dilation) for dilation in DILATIONS)
        self.exit = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """Encode waves, each of shape (samples,)."""
        frames, lengths = self._frames(inputs)
        passed = self._passed(frames, lengths)
        return {"pooled": torch.cat([passed.sum(1) / lengths[:, None], passed.amax(1)], dim=1)}

    def masked(self, inputs: Sequence[Tensor], fraction: float, generator: torch.Generator) -> Masked:
        """What all layers pass on at hidden frames, in whose place the mean of all frames stands."""
        frames, lengths = self._frames(inputs)
        there = _there(frames, lengths)
        draw = torch.rand(there.shape, generator=generator).to(frames.device).masked_fill(~there, 2.0)
        starts = draw <= draw.min().clamp(min=1 - (1 - fraction) ** (1 / SPAN))  # one at least
        hidden = max_pool1d(nn.functional.pad(starts.float(), (SPAN - 1, 0)), SPAN, 1).bool() & there
        passed = self._passed(frames.masked_fill(hidden[..., None], 0.0), lengths)
        return Masked(passed[hidden], frames[hidden])

    def _frames(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The frames of waves, shape (rows, frames, bands), filled up to the longest, and how many each has."""
        rows = by_length(inputs, self.frames)
        frames = pad_sequence(rows, batch_first=True)
        return frames, torch.tensor([len(row) for row in rows], device=frames.device)

    def _passed(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """What all layers pass on, shape (rows, frames, channels); 0 behind the end of a row."""
        mask = _there(frames, lengths)[..., None]
        frames = self.entry(frames)
        passed = torch.zeros_like(frames)
        for layer in self.layers:
            frames, skip = layer(frames, mask)
            passed = passed + skip
        return self.exit(passed.relu()).relu() * mask

    def blocks(self) -> Sequence[Sequence[str]]:
        """One group: from scratch, no layer knows more than another."""
        return [[name for name, _ in self.named_parameters()]]


def _there(frames: Tensor, lengths: Tensor) -> Tensor:
    """Where rows have frames, shape (rows, frames)."""
    return torch.arange(frames.shape[1], device=frames.device) < lengths[:, None]

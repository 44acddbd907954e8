"""`SpeakerResNet`: the ResNet34 of WeSpeaker as an encoder. Imported by `VoiceFamily.build` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api.tensors import Encoder
from autosft_audio.frontend import by_length
from autosft_audio.mel import mel_filters
from autosft_audio.reading import RATE

_BANDS, _FRAME, _HOP, _SIZE = 80, 400, 160, 512
"""Mel bands; samples of a frame, between two frames, and of the Fourier transform."""

_EMPHASIS, _FLOOR, _FULL_SCALE = 0.97, 1.1920929e-07, 32768.0
"""Kaldi's: how much of the sample before is taken off, the least power before a logarithm, and the loudest sample."""

_STAGES = ((32, 3, 1), (64, 4, 2), (128, 6, 2), (256, 3, 2))
"""Channels, blocks and stride of each stage."""

_WIDTH = 256


class _Block(nn.Module):
    """Two convolutions beside a shortcut (He et al., 2016); their batch norms are folded into them."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, out, 3, stride, padding=1)
        self.second = nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1, stride) if stride > 1 or channels != out else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.second(functional.relu(self.first(maps))) + self.shortcut(maps))


@final
class SpeakerResNet(Encoder):
    """A ResNet34 over Kaldi's log-mel frames, then mean and deviation over time; gives `"pooled"`.

    Source: WeSpeaker (Wang et al., 2023), trained on VoxCeleb.
    """

    def __init__(self) -> None:
        super().__init__()
        self.widths = {"pooled": _WIDTH}
        self.stem = nn.Conv2d(1, _STAGES[0][0], 3, padding=1)
        blocks: list[nn.Module] = []
        channels = _STAGES[0][0]
        for out, count, stride in _STAGES:
            for index in range(count):
                blocks.append(_Block(channels, out, stride if index == 0 else 1))
                channels = out
        self.trunk = nn.Sequential(*blocks)
        self.embedding = nn.Linear(2 * channels * _BANDS // 8, _WIDTH)
        self.filters: Tensor
        self.window: Tensor
        self.center: Tensor
        self.register_buffer("center", torch.zeros(_WIDTH))
        filters = mel_filters(_BANDS, _SIZE, RATE, 20.0, RATE / 2, "kaldi")
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        self.register_buffer("window", torch.hamming_window(_FRAME, periodic=False), persistent=False)

    def forward(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """Encode waves, each of shape (samples,)."""
        return {"pooled": torch.stack(by_length(inputs, self._embed))}

    def _bands(self, waves: Tensor) -> Tensor:
        frames = (waves * _FULL_SCALE).unfold(1, _FRAME, _HOP)
        frames = frames - frames.mean(-1, keepdim=True)
        before = functional.pad(frames, (1, 0), mode="replicate")[..., :-1]
        frames = (frames - _EMPHASIS * before) * self.window
        power = torch.fft.rfft(frames, _SIZE).abs().square()
        bands = (power @ self.filters).clamp_min(_FLOOR).log()
        return bands - bands.mean(1, keepdim=True)

    def _embed(self, waves: Tensor) -> Tensor:
        maps = functional.relu(self.stem(self._bands(waves).transpose(1, 2)[:, None]))
        frames = self.trunk(maps).flatten(1, 2)
        deviation = (frames.var(-1, correction=min(1, frames.shape[-1] - 1)) + 1e-7).sqrt()
        return self.embedding(torch.cat([frames.mean(-1), deviation], -1)) - self.center

"""`VoiceEncoder` (GE2E) and `SpeakerResNet` (WeSpeaker): what `VoiceFamily` builds.

Apart from the family, because a module needs torch, and whoever lists backbones does not. Each computes the spectra
that its weights were trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api.tensors import Encoder
from autosft_audio.frontend import by_length
from autosft_audio.mel import mel_filters, power_spectrum
from autosft_audio.reading import RATE

_WIDTH, _HOP = 256, 160
"""Of both: the length of a vector, and samples between two frames."""

_VOICE_BANDS, _VOICE_SIZE = 40, 400
"""Of GE2E: power in 40 mel bands, without a logarithm, every 10 ms: what the published weights were trained on."""

_LAYERS = 3

_WINDOW, _STRIDE = 160, 80
"""Frames that are looked at together, and frames between the beginnings of two such windows."""

_LOUDNESS = 10 ** (-30 / 20)
"""Quieter waves are raised to this root mean square: -30 dB of full scale."""

_SPEAKER_BANDS, _FRAME, _SPEAKER_SIZE = 80, 400, 512
"""Of WeSpeaker: mel bands; samples of a frame, and of the Fourier transform."""

_EMPHASIS, _FLOOR, _FULL_SCALE = 0.97, 1.1920929e-07, 32768.0
"""Kaldi's: how much of the sample before is taken off, the least power before a logarithm, and the loudest sample."""

_STAGES = ((32, 3, 1), (64, 4, 2), (128, 6, 2), (256, 3, 2))
"""Channels, blocks and stride of each stage."""


@final
class VoiceEncoder(Encoder):
    """Three LSTM layers over windows of 1.6 s; gives `"pooled"`, the mean of the windows' unit vectors, as one."""

    widths: Mapping[str, int]

    def __init__(self) -> None:
        super().__init__()
        self.widths = {"pooled": _WIDTH}
        self.lstm = nn.LSTM(_VOICE_BANDS, _WIDTH, _LAYERS, batch_first=True)
        self.linear = nn.Linear(_WIDTH, _WIDTH)
        self.filters: Tensor
        filters = mel_filters(_VOICE_BANDS, _VOICE_SIZE, RATE, 0.0, RATE / 2, "slaney")
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)

    def forward(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """Encode waves, each of shape (samples,)."""
        return {"pooled": torch.stack(by_length(inputs, self._embed))}

    def blocks(self) -> Sequence[Sequence[str]]:
        """The layers of the LSTM, and the projection."""
        names = [name for name, _ in self.named_parameters()]
        layers = [[name for name in names if name.endswith(f"_l{layer}")] for layer in range(_LAYERS)]
        return [*layers, [name for name in names if name.startswith("linear.")]]

    def _embed(self, waves: Tensor) -> Tensor:
        level = waves.square().mean(1, keepdim=True).sqrt().clamp_min(1e-6)
        spectrum = power_spectrum(waves * (_LOUDNESS / level).clamp_min(1.0), _VOICE_SIZE, _HOP)
        bands = spectrum @ self.filters
        bands = functional.pad(bands, (0, 0, 0, max(0, _WINDOW - bands.shape[1])))
        windows = bands.unfold(1, _WINDOW, _STRIDE).transpose(2, 3)  # (rows, windows, frames, bands)
        _, (hidden, _) = self.lstm(windows.flatten(0, 1))
        vectors = functional.normalize(functional.relu(self.linear(hidden[-1])), dim=-1)
        return functional.normalize(vectors.unflatten(0, windows.shape[:2]).mean(1), dim=-1)


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
        self.embedding = nn.Linear(2 * channels * _SPEAKER_BANDS // 8, _WIDTH)
        self.filters: Tensor
        self.window: Tensor
        self.center: Tensor
        self.register_buffer("center", torch.zeros(_WIDTH))
        filters = mel_filters(_SPEAKER_BANDS, _SPEAKER_SIZE, RATE, 20.0, RATE / 2, "kaldi")
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
        power = torch.fft.rfft(frames, _SPEAKER_SIZE).abs().square()
        bands = (power @ self.filters).clamp_min(_FLOOR).log()
        return bands - bands.mean(1, keepdim=True)

    def _embed(self, waves: Tensor) -> Tensor:
        maps = functional.relu(self.stem(self._bands(waves).transpose(1, 2)[:, None]))
        frames = self.trunk(maps).flatten(1, 2)
        deviation = (frames.var(-1, correction=min(1, frames.shape[-1] - 1)) + 1e-7).sqrt()
        return self.embedding(torch.cat([frames.mean(-1), deviation], -1)) - self.center

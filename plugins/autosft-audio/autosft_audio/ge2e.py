"""`VoiceEncoder`: the voice encoder of GE2E (Wan et al., 2018) as an encoder. Imported by `VoiceFamily.build` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch  # noqa: TID253 - a module must be a class of torch; only a build imports this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api.tensors import Encoder
from autosft_audio.frontend import by_length, power_spectrum
from autosft_audio.mel import mel_filters
from autosft_audio.reading import RATE

_BANDS, _SIZE, _HOP = 40, 400, 160
"""Power in 40 mel bands, without a logarithm, every 10 ms: what the published weights were trained on."""

_WIDTH, _LAYERS = 256, 3

_WINDOW, _STRIDE = 160, 80
"""Frames that are looked at together, and frames between the beginnings of two such windows."""

_LOUDNESS = 10 ** (-30 / 20)
"""Quieter waves are raised to this root mean square: -30 dB of full scale."""


@final
class VoiceEncoder(Encoder):
    """Three LSTM layers over windows of 1.6 s; gives `"pooled"`, the mean of the windows' unit vectors, as one."""

    widths: Mapping[str, int]

    def __init__(self) -> None:
        super().__init__()
        self.widths = {"pooled": _WIDTH}
        self.lstm = nn.LSTM(_BANDS, _WIDTH, _LAYERS, batch_first=True)
        self.linear = nn.Linear(_WIDTH, _WIDTH)
        self.filters: Tensor
        filters = mel_filters(_BANDS, _SIZE, RATE, 0.0, RATE / 2, "slaney")
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
        spectrum = power_spectrum(waves * (_LOUDNESS / level).clamp_min(1.0), _SIZE, _HOP)
        bands = spectrum @ self.filters
        bands = functional.pad(bands, (0, 0, 0, max(0, _WINDOW - bands.shape[1])))
        windows = bands.unfold(1, _WINDOW, _STRIDE).transpose(2, 3)  # (rows, windows, frames, bands)
        _, (hidden, _) = self.lstm(windows.flatten(0, 1))
        vectors = functional.normalize(functional.relu(self.linear(hidden[-1])), dim=-1)
        return functional.normalize(vectors.unflatten(0, windows.shape[:2]).mean(1), dim=-1)

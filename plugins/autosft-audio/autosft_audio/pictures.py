"""Views of sounds as pictures: log-mel spectrograms for encoders of images.

Encoders of photographs transfer to spectrograms (Palanisamy et al., 2020). Knows neither files nor encoders.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import final

import numpy as np

from autosft.api import Example, Inputs, State, Strength
from autosft_audio.mel import Floats, log_mel, mel_filters
from autosft_audio.reading import RATE, Wave
from autosft_audio.views import CHANGES, changed, window

_BANDS, _SIZE, _HOP = 128, 1024, 160
"""Mel bands; samples of a frame, and between two frames."""

_LOW = 20.0
"""Where hearing begins, in hertz."""

_DECIBELS = 80.0
"""What lies further below the loudest point of a picture is black."""

_QUIETEST = -40.0
"""The loudest point counts as at least so loud: recordings of silence are not all noise. A full sine has about +30."""

_STEP, _LEAST, _MOST = 32, 128, 256
"""The width in pixels: a multiple of 32, because convolutions halve it five times, or of what an encoder says; between
the two others, a frame is a pixel. 128 x 256 costs two thirds of the usual 224 x 224."""

_MASKS, _MASKED = 2, 0.2
"""SpecAugment (Park et al., 2019): stretches of bands and as many of time, each at most this fraction, become black."""


def picture_size(inputs: Inputs, state: State, fraction: float) -> tuple[int, int]:
    """Height and width in pixels at which an encoder of images sees the clips; its own where that is fixed.

    Args:
        inputs: What the encoder is fed: whether it takes one size alone, or which multiples, and from where on.
        state: The modality's: how many `seconds` the picture lasts.
        fraction: Of the sides that would be right where time did not matter.
    """
    if inputs.options.get("fixed"):
        height, width = inputs.options["size"][-2:]
        return int(height), int(width)
    frames = float(state.values["seconds"]) * RATE / _HOP
    width = min(_MOST, max(_LEAST, _STEP * math.ceil(frames / _STEP)))
    least, step = int(inputs.options.get("least", 0)), int(inputs.options.get("step", _STEP))
    return max(least, step * round(fraction * _BANDS / step)), max(least, step * round(fraction * width / step))


@final
class PictureView:
    """A wave as a picture: time goes right and pitch goes down, each of the three channels the same.

    Args:
        inputs: The encoder's: `size`, `fixed`, `step`, `least`, `mean` and `std`.
        state: The modality's: `seconds` that are shown, and the `rate` of the recordings; above half of it there is
            nothing to see.
        fraction: Of the full resolution.
        strength: `"light"` moves the wave, and adds noise; `"strong"` more of it, and SpecAugment.
    """

    def __init__(self, inputs: Inputs, state: State, fraction: float, strength: Strength) -> None:
        seconds = float(state.values["seconds"])
        self._length = max(_SIZE, round(seconds * RATE))
        self._size = picture_size(inputs, state, fraction)
        self._filters = mel_filters(_BANDS, _SIZE, RATE, _LOW, min(RATE, state.values["rate"]) / 2, "slaney")
        self._changes, self._masks = CHANGES.get(strength), _MASKS if strength == "strong" else 0
        self._mean = np.array(inputs.options["mean"], np.float32).reshape(3, 1, 1)
        self._std = np.array(inputs.options["std"], np.float32).reshape(3, 1, 1)

    def __call__(self, example: Example, generator: np.random.Generator) -> Example:
        """From shape (samples,) to float32 of shape (3, height, width)."""
        import torch
        from torch.nn import functional

        sample: Wave = example.inputs
        position = generator.random() if self._changes else 0.5
        wave = window(sample, self._length, position=position)
        room = self._length - len(wave)
        if self._changes:
            wave = changed(wave, self._changes, generator)
        before = round(room * position)
        bands = log_mel(np.pad(wave, (before, room - before)), self._filters, _HOP)
        picture = np.clip(1.0 + (bands - max(_QUIETEST, float(bands.max()))) / _DECIBELS, 0.0, 1.0)
        for _ in range(self._masks):
            _mask(picture, generator)
            _mask(picture.T, generator)
        pixels = torch.from_numpy(picture)[None, None]
        pixels = functional.interpolate(pixels, self._size, mode="bilinear", antialias=True)[0].numpy()
        return replace(example, inputs=torch.from_numpy((pixels - self._mean) / self._std))


def _mask(picture: Floats, generator: np.random.Generator) -> None:
    """Blacken some rows."""
    rows = round(generator.uniform(0.0, _MASKED) * len(picture))
    start = round(generator.random() * (len(picture) - rows))
    picture[start : start + rows] = 0.0

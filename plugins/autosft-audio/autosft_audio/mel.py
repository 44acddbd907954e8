"""Mel filters and log-mel spectrograms. Knows neither files nor encoders."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FLOOR = 1e-12
"""Power below this counts as this: -120 dB."""

Scale = Literal["slaney", "kaldi"]


def mel_filters(bands: int, size: int, rate: int, low: float, high: float, scale: Scale) -> Floats:
    """Triangular filters, shape (size / 2 + 1, bands), to be multiplied with a power spectrum.

    Two conventions, because encoders know the one that they were trained with. `"slaney"` (Auditory Toolbox: Slaney,
    1998): linear below 1 kHz, triangles straight over hertz, each of area 1. `"kaldi"` (Kaldi: Povey et al., 2011):
    1127 ln(1 + f / 700), triangles straight over mels, each of height 1.

    Args:
        bands: The number of filters.
        size: The length of the Fourier transform.
        rate: Samples per second.
        low: Where the first filter begins, in hertz.
        high: Where the last one ends.
        scale: The convention.
    """
    bins = np.arange(size // 2 + 1) * rate / size
    to_mel = _slaney if scale == "slaney" else _kaldi
    edges = np.linspace(to_mel(np.array(low)), to_mel(np.array(high)), bands + 2)
    if scale == "slaney":
        edges, places = _slaney_to_hertz(edges), bins
    else:
        places = to_mel(bins)
    rise = (places[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - places[:, None]) / np.diff(edges)[1:]
    filters = np.maximum(0.0, np.minimum(rise, fall))
    if scale == "slaney":
        filters *= 2.0 / (edges[2:] - edges[:-2])
    return filters.astype(np.float32)


def log_mel(wave: Floats, filters: Floats, hop: int) -> Floats:
    """Decibels of power, shape (bands, frames): Hann windows as long as the filters' transform, one every `hop`
    samples, centred, with silence around the wave.

    Args:
        wave: Shape (samples,).
        filters: As `mel_filters` gives them.
        hop: Samples between two frames.
    """
    size = 2 * (len(filters) - 1)
    padded = np.pad(wave, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    spectrum = np.fft.rfft(frames * window, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return (10.0 * np.log10(np.maximum((power @ filters).T, FLOOR))).astype(np.float32)


def _kaldi(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1127.0 * np.log1p(hertz / 700.0)


_STEP, _BREAK, _GROWTH = 200.0 / 3.0, 1000.0, np.log(6.4) / 27.0
"""Hertz per mel below the break, the break in hertz, and the growth per mel above it."""


def _slaney(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _BREAK / _STEP + np.log(np.maximum(hertz, _BREAK) / _BREAK) / _GROWTH
    return np.where(hertz < _BREAK, hertz / _STEP, above)


def _slaney_to_hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _BREAK * np.exp(_GROWTH * (mels - _BREAK / _STEP))
    return np.where(mels < _BREAK / _STEP, mels * _STEP, above)

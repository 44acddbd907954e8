"""Mel filters, log-mel spectrograms, and what is learned of their bands. Knows neither files nor encoders, and
imports torch only when it computes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from autosft.api import Row, Rows, State
from autosft_audio.reading import RATE

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]

FLOOR = 1e-12
"""Power below this counts as this: -120 dB."""

Scale = Literal["slaney", "kaldi"]

_SCALES: dict[Scale, dict[str, Any]] = {
    "slaney": {"mel_scale": "slaney", "norm": "slaney"},
    "kaldi": {"mel_scale": "kaldi", "triangularize_in_mel_space": True},
}
"""What transformers calls the two conventions."""

BANDS, SIZE, HOP = 64, 512, 160
"""Of encoders that learn from the training rows alone: mel bands; samples of a frame, and between two frames."""

_MEASURED = 256
"""Rows that means and deviations are taken from; more would hardly move them."""


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
        scale: The convention. A filter that is narrower than the distance of two frequencies is 0.
    """
    from transformers.audio_utils import mel_filter_bank

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "At least one mel filter has all zero values")
        filters = mel_filter_bank(size // 2 + 1, bands, low, high, rate, **_SCALES[scale])
    return filters.astype(np.float32)


def power_spectrum(waves: Tensor, size: int, hop: int, *, pad: str = "constant") -> Tensor:
    """Power, shape (rows, frames, size / 2 + 1): Hann windows of `size` samples, one every `hop`, centred.

    Args:
        waves: Shape (rows, samples).
        size: The length of the window and of the Fourier transform.
        hop: Samples between two frames.
        pad: What stands around the wave: `"constant"`, which is silence, or `"reflect"`.
    """
    import torch

    window = torch.hann_window(size, device=waves.device)
    spectrum = torch.stft(waves, size, hop, window=window, center=True, pad_mode=pad, return_complex=True)
    return spectrum.abs().square().transpose(1, 2)


def decibels(waves: Tensor, filters: Tensor, hop: int) -> Tensor:
    """Log-mel bands in decibels of power, shape (rows, frames, bands), with silence around each wave.

    Args:
        waves: Shape (rows, samples).
        filters: As `mel_filters` gives them; windows are as long as their transform.
        hop: Samples between two frames.
    """
    power = power_spectrum(waves, 2 * (len(filters) - 1), hop)
    return 10.0 * (power @ filters).clamp_min(FLOOR).log10()


def log_mel(wave: Floats, filters: Floats, hop: int) -> Floats:
    """`decibels` of one wave, shape (samples,), as an array of shape (bands, frames)."""
    import torch

    return decibels(torch.tensor(wave)[None], torch.from_numpy(filters), hop)[0].T.numpy()


def cosines(coefficients: int) -> Floats:
    """The orthonormal cosine transform over bands, shape (bands, coefficients); for as many as bands, the identity."""
    from scipy.fft import dct

    if coefficients == BANDS:
        return np.eye(BANDS, dtype=np.float32)
    return np.asarray(dct(np.eye(BANDS), norm="ortho"))[:, :coefficients].astype(np.float32)


def band_statistics(rows: Rows, read: Callable[[Row], Any], coefficients: int = BANDS) -> State:
    """The mean and the deviation of each band over some rows, as arrays `"mean"` and `"scale"`."""
    filters, basis = mel_filters(BANDS, SIZE, RATE, 0.0, RATE / 2, "slaney"), cosines(coefficients)
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(_MEASURED, len(rows))).astype(int))
    frames = np.concatenate([(log_mel(read(rows[int(index)]), filters, HOP).T @ basis) for index in chosen])
    return State(arrays={"mean": frames.mean(0), "scale": np.maximum(frames.std(0), 1.0)})

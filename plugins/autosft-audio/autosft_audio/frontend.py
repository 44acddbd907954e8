"""What encoders of waves share: rows of one length together, and spectra. Imported by encoders alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253


def by_length(waves: Sequence[Tensor], encode: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """What `encode` makes of each wave, in order; waves of equal length go in together, and none is padded.

    Nearly every encoder of sound normalizes over time somewhere, so what stands beside a wave in its batch would change
    what is made of it.

    Args:
        waves: Each of shape (samples,).
        encode: From (rows, samples) to a tensor whose first axis is the rows.
    """
    places: dict[int, list[int]] = {}
    for place, wave in enumerate(waves):
        places.setdefault(len(wave), []).append(place)
    encoded: dict[int, Tensor] = {}
    for group in places.values():
        encoded |= zip(group, encode(torch.stack([waves[place] for place in group])), strict=True)
    return [encoded[place] for place in range(len(waves))]


def power_spectrum(waves: Tensor, size: int, hop: int, *, pad: str = "constant") -> Tensor:
    """Power, shape (rows, frames, size / 2 + 1): Hann windows of `size` samples, one every `hop`, centred.

    Args:
        waves: Shape (rows, samples).
        size: The length of the window and of the Fourier transform.
        hop: Samples between two frames.
        pad: What stands around the wave: `"constant"`, which is silence, or `"reflect"`.
    """
    window = torch.hann_window(size, device=waves.device)
    spectrum = torch.stft(waves, size, hop, window=window, center=True, pad_mode=pad, return_complex=True)
    return spectrum.abs().square().transpose(1, 2)

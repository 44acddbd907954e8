"""`waveform`: a sound as a small picture, for reports."""

from __future__ import annotations

import io

import numpy as np

from autosft_audio.reading import Wave

WIDTH, HEIGHT = 160, 120
"""Pixels."""

_PAPER, _INK = 244, (46, 94, 138)


def waveform(samples: Wave) -> bytes:
    """A JPEG of the lowest and highest sample in each of `WIDTH` stretches of time, the loudest at full height.

    Args:
        samples: One channel, shape (samples,), at least one.
    """
    from PIL import Image

    edges = np.linspace(0, len(samples), WIDTH + 1).astype(int)
    starts = np.minimum(edges[:-1], len(samples) - 1)
    low, high = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
    loudest = max(float(np.abs(samples).max()), 1e-6)
    middle = (HEIGHT - 1) / 2
    top, bottom = (np.rint(middle - middle * side / loudest) for side in (high, low))
    rows = np.arange(HEIGHT)[:, None]
    pixels = np.full((HEIGHT, WIDTH, 3), _PAPER, dtype=np.uint8)
    pixels[(rows >= np.minimum(top, np.floor(middle))) & (rows <= np.maximum(bottom, np.floor(middle)))] = _INK
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=80)
    return stream.getvalue()

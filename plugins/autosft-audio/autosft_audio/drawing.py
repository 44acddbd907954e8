"""`waveform`: a sound as a small drawing, for reports."""

from __future__ import annotations

import numpy as np

from autosft_audio.reading import Wave

WIDTH, HEIGHT = 160, 120
"""Pixels."""

_THINNEST = 0.7
"""Pixels that silence is high."""

_INK = "#4a86b8"
"""A blue that can be seen on light and on dark pages."""


def waveform(samples: Wave) -> bytes:
    """An SVG of the lowest and highest sample in each of `WIDTH` stretches of time, the loudest at full height.

    Args:
        samples: One channel, shape (samples,), at least one.
    """
    edges = np.linspace(0, len(samples), WIDTH + 1).astype(int)
    starts = np.minimum(edges[:-1], len(samples) - 1)
    loudest = max(float(np.abs(samples).max()), 1e-6)
    middle = HEIGHT / 2
    top, bottom = (middle - middle * of.reduceat(samples, starts) / loudest for of in (np.maximum, np.minimum))
    thin = np.maximum(0.0, _THINNEST - (bottom - top)) / 2
    strokes = zip(range(WIDTH), top - thin, bottom + thin, strict=True)
    path = "".join(f"M{place}.5 {high:.1f}V{low:.1f}" for place, high, low in strokes)
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><path d="{path}" stroke="{_INK}"/></svg>'.encode()

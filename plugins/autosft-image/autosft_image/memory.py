"""How much memory decoding may take: of one image, and of all that several threads decode at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autosft.api import Unreadable

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 89_478_485
"""The size at which Pillow begins to warn of a decompression bomb."""

MOST_BYTES = 900_000_000
"""What all decoders of this process may take together."""

_BYTES_PER_PIXEL = {"WEBP": 16, "AVIF": 24, "JPEG2000": 28}
"""Peaks in decoding and conversion were 16, 14 and 25 with these (AVIF of 10 bits holds more), and 6 with all others,
for which 8 are reckoned."""


def bytes_of(image: Image.Image) -> int:
    """What decoding an image takes, whose header is read.

    Raises:
        Unreadable: It has no pixels, or too many.
    """
    pixels = image.width * image.height
    if not pixels:
        raise Unreadable("an image without pixels")
    each = _BYTES_PER_PIXEL.get(image.format or "", 8)
    most = min(MOST_PIXELS, MOST_BYTES // each)
    if pixels > most:
        raise Unreadable(f"{pixels / 1e6:.0f} megapixels, more than {most / 1e6:.0f}; make it smaller")
    return pixels * each


_changed = threading.Condition()
_taken = 0


@contextmanager
def taking(count: int) -> Iterator[None]:
    """Wait until so many bytes are free, and hold them."""
    global _taken
    with _changed:
        _changed.wait_for(lambda: _taken + count <= MOST_BYTES)
        _taken += count
    try:
        yield
    finally:
        with _changed:
            _taken -= count
            _changed.notify_all()

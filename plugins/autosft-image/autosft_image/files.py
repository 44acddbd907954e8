"""Which files are images. Knows neither folders nor pixels."""

from __future__ import annotations

from autosft.api.inputs import FileKind
from autosft_image.reading import check, starts_like_image

# fmt: off
_ENDINGS = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm",
    ".pgm", ".pbm", ".pnm", ".avif", ".jp2", ".j2k", ".qoi", ".ico", ".heic", ".heif",
})
# fmt: on
"""Pillow alone cannot decode the last two: they are skipped, not silence."""


def _inspect(path: str) -> str:
    check(path)
    return path


IMAGES = FileKind("an image", "images", _ENDINGS, starts_like_image, _inspect)

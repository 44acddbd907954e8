"""From any Pillow image to 8-bit RGB, upright and no larger than needed. Knows neither files nor rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image

Span = tuple[float, float] | None

SHORT_SIDE = 384
"""A longer short side is reduced to this: above what most backbones take (224 to 288), and cheap to keep."""

_BAND = 4_000_000
"""Pixels that are converted at once: a conversion may need five times the memory of what it converts."""

_ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held; 1 is upright (CIPA DC-008, 2023)."""

SIDEWAYS = (5, 6, 7, 8)
"""The orientations of images that lie on a side."""


def small_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB with a short side of at most `SHORT_SIDE` pixels. Transparency is laid on white; 16-bit, 32-bit and
    float gray is scaled by its own range. A large image is converted and halved band by band."""
    from PIL import Image

    if image.width * image.height <= _BAND:
        return _reduced(_to_rgb(image, _range(image)))
    factor = max(1, min(image.size) // (2 * SHORT_SIDE))
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    span = _range(image)
    for top, band in _bands(image, factor):
        part = _to_rgb(band, span)
        small.paste(part.reduce(factor) if factor > 1 else part, (0, top // factor))
    return _reduced(small)


def _bands(image: Image.Image, factor: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Where each band of full width begins, and its pixels; all but the last have a multiple of so many rows."""
    rows = max(1, _BAND // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _to_rgb(image: Image.Image, span: Span) -> Image.Image:
    from PIL import Image

    if span:
        return Image.fromarray(_scaled(image, *span)).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        image = image.convert("LA") if image.mode == "La" else image
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _reduced(image: Image.Image) -> Image.Image:
    from PIL import Image

    short = min(image.size)
    if short <= SHORT_SIDE:
        return image
    width, height = (max(1, round(side * SHORT_SIDE / short)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of a loaded image; 1 where there is none, or a broken one."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken EXIF raises whatever its bytes provoke, and says nothing against the pixels
        return 1
    return value if value in range(1, 9) else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned as its orientation asks."""
    from PIL import Image

    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _range(image: Image.Image) -> Span:
    """The least and the greatest number of a gray image of more than 8 bits; None of all others."""
    if not image.mode.startswith(("I", "F")):
        return None
    bounds = [
        (float(values.min()), float(values.max())) for values in map(_numbers, (band for _, band in _bands(image)))
    ]
    return min(low for low, _ in bounds), max(high for _, high in bounds)


def _numbers(image: Any) -> npt.NDArray[np.float32]:
    return np.nan_to_num(np.asarray(image).astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _scaled(image: Image.Image, low: float, high: float) -> npt.NDArray[np.uint8]:
    """Numbers as 0 to 255, from the least to the greatest of the image: the true depth (10, 12, 16 bits) is unknown."""
    numbers = _numbers(image)
    if high <= low:
        return np.zeros(numbers.shape, np.uint8)
    return np.rint((numbers - low) * (255 / (high - low))).astype(np.uint8)


def _from_lab(image: Image.Image) -> Image.Image:
    """CIELAB to sRGB; `Image.convert` cannot."""
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    turned = ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "LAB", "RGB"))
    assert turned is not None  # None only when done in place
    return turned

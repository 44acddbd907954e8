"""From a reference (a path, a Pillow image, an array) to pixels, safely. Knows neither folders nor rows.

Files come from anywhere, so: only formats that Pillow decodes by itself (no Ghostscript behind a renamed EPS), the
size is asked of the header before anything is decoded, and whatever a decoder raises becomes one `Unreadable`.
"""

from __future__ import annotations

import io
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autosft.errors import Unreadable
from autosft.folders.files import head_of
from autosft_image.pixels import SHORT_SIDE, orientation, reduced, to_rgb, upright

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 89_478_485
"""The size at which Pillow begins to warn of a decompression bomb: 1 GiB at four bytes for each of three channels."""

THUMBNAIL_SIDE = 192
"""Twice what a report shows, for sharp screens."""

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO", "QOI")

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ", b"qoif")


def starts_like_image(path: str) -> bool:
    """Whether the first bytes of a file are those of a common image format."""
    head = head_of(path, 16)
    boxed = head[4:12] in (b"ftypavif", b"ftypheic", b"ftypmif1")
    return head.startswith(_SIGNATURES) or boxed or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def check(path: str) -> None:
    """Decode a file, as cheaply as finds every damage: JPEG at an eighth of its size.

    Raises:
        Unreadable: It cannot be decoded; the message is the reason in one line.
    """
    with _opened(path) as image:
        image.draft(None, (1, 1))
        image.load()


def short_side(ref: Any) -> int:
    """The shorter side in pixels, from the header alone.

    Raises:
        Unreadable: There is no header to read.
    """
    with _opened(ref) as image:
        return min(image.size)


def read_rgb(ref: Any) -> npt.NDArray[np.uint8]:
    """8-bit RGB, shape (height, width, 3), upright, with a short side of at most `SHORT_SIDE` pixels.

    Raises:
        Unreadable: It cannot be decoded; the message is the reason in one line.
    """
    with _opened(ref) as image:
        if isinstance(ref, str):  # a draft changes the image: not for one that belongs to the user
            short = min(image.size)
            image.draft(None, (image.width * SHORT_SIDE // short or 1, image.height * SHORT_SIDE // short or 1))
        image.load()
        turn = orientation(image)  # PNG may tell it behind the pixels
        return np.array(upright(reduced(to_rgb(image)), turn))


def thumbnail(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A JPEG whose long side has at most `THUMBNAIL_SIDE` pixels.

    Args:
        pixels: 8-bit RGB, shape (height, width, 3).
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return stream.getvalue()


@contextmanager
def _opened(ref: Any) -> Iterator[Image.Image]:
    """The image behind a reference, its header read and its size found bearable."""
    from PIL import Image, UnidentifiedImageError

    with _quiet():
        try:
            if isinstance(ref, str):
                _require_file(Path(ref))
                with Path(ref).open("rb") as stream, Image.open(stream, formats=FORMATS) as image:
                    yield _bearable(image)
            else:
                yield _bearable(ref if isinstance(ref, Image.Image) else Image.fromarray(ref))
        except Unreadable:
            raise
        except FileNotFoundError as error:
            raise Unreadable("the file is missing") from error
        except UnidentifiedImageError as error:
            raise Unreadable("not an image in a known format") from error
        except Image.DecompressionBombError as error:
            raise Unreadable(f"more than {MOST_PIXELS / 1e6:.0f} megapixels, maybe a decompression bomb") from error
        except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, KeyError, ...
            words = " ".join(str(error).split())[:200] or type(error).__name__
            raise Unreadable(f"damaged: {words}") from error


def _require_file(path: Path) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait forever
        raise Unreadable("not an ordinary file")
    if status.st_size == 0:
        raise Unreadable("the file is empty")


def _bearable(image: Image.Image) -> Image.Image:
    pixels = image.width * image.height
    if pixels > MOST_PIXELS:
        raise Unreadable(f"{pixels / 1e6:.0f} megapixels, more than {MOST_PIXELS / 1e6:.0f}; make it smaller")
    if not pixels:
        raise Unreadable("an image without pixels")
    return image


_lock = threading.Lock()
_inside = 0
_filter: Any = None


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Pillow warns of, while any thread is inside.

    `warnings.catch_warnings` puts back the filters that it found on entering, which mixes them up between threads.
    Here the first thread in adds one filter, and the last one out takes that one away.
    """
    global _inside, _filter
    with _lock:
        _inside += 1
        if _inside == 1:
            warnings.filterwarnings("ignore", module=r"(PIL|autosft_image)(\.|$)")
            _filter = warnings.filters[0]
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                with suppress(ValueError):  # someone has put back older filters meanwhile
                    warnings.filters.remove(_filter)  # pyright: ignore[reportAttributeAccessIssue]

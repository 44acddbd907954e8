"""From a reference (a path, a Pillow image, an array) to pixels, safely. Knows neither folders nor rows.

Files come from anywhere, so: only formats that Pillow decodes by itself (no Ghostscript behind a renamed EPS), the
size is asked of the header before anything is decoded, and whatever a decoder raises becomes one `Unreadable`.
"""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autosft.api import Unreadable
from autosft.api.inputs import head_of
from autosft_image.memory import MOST_PIXELS, bytes_of, taking
from autosft_image.pixels import SHORT_SIDE, SIDEWAYS, orientation, small_rgb, upright
from autosft_image.silence import silenced

if TYPE_CHECKING:
    from PIL import Image

THUMBNAIL_SIDE = 192
"""Twice what a report shows, for sharp screens."""

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO", "QOI")

_SIGNATURES = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"qoif"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF, and large ones
    *(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),  # JPEG 2000, in its box and bare
)


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
    with _opened(path) as image, _decoded(image, 1):
        pass


def sides_of(ref: Any) -> tuple[int, int]:
    """The shorter and the longer side in pixels, from the header alone.

    Raises:
        Unreadable: There is no header to read.
    """
    with _opened(ref) as image:
        return min(image.size), max(image.size)


def read_rgb(ref: Any) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """8-bit RGB, shape (height, width, 3), upright, with a short side of at most `SHORT_SIDE` pixels; and the height
    and width that the upright image had before it was reduced to that.

    Raises:
        Unreadable: It cannot be decoded; the message is the reason in one line.
    """
    with _opened(ref) as image:
        width, height = image.size
        with _decoded(image, SHORT_SIDE, whole=not isinstance(ref, str)):
            turn = orientation(image)  # PNG may tell it behind the pixels
            size = (width, height) if turn in SIDEWAYS else (height, width)
            return np.array(upright(small_rgb(image), turn)), size


@contextmanager
def _decoded(image: Image.Image, short_side: int, *, whole: bool = False) -> Iterator[None]:
    """Have the pixels, and the memory for them and for what is made of them.

    Args:
        image: The image, its header read.
        short_side: A JPEG may be decoded at a half, a quarter or an eighth, if its short side stays as long as this.
        whole: Leave the size as it is, because the image belongs to the user.
    """
    needed = bytes_of(image)
    if not whole:
        short = min(image.size)
        image.draft(None, (image.width * short_side // short or 1, image.height * short_side // short or 1))
        if image.format in ("JPEG", "MPO") and not image.info.get("progressive"):  # the others hold all coefficients
            needed = bytes_of(image)
    with taking(needed):
        image.load()
        yield


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

    with silenced():
        try:
            if isinstance(ref, str):
                _require_file(Path(ref))
                with Path(ref).open("rb") as stream, Image.open(stream, formats=FORMATS) as image:
                    bytes_of(image)
                    yield image
            else:
                yield ref if isinstance(ref, Image.Image) else Image.fromarray(ref)
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

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from autosft.api import Row, Unreadable
from autosft_image.modality import ImageModality
from autosft_image.reading import check


def read(ref):
    return ImageModality().read(Row("row", ref if isinstance(ref, (np.ndarray, Image.Image)) else str(ref)))


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "bmp", "webp", "tif"])
def test_truncated_files_are_unreadable_and_checked_so(ending, pixels, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    whole, cut = tmp_path / f"whole.{ending}", tmp_path / f"cut.{ending}"
    Image.fromarray(noise).save(whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    check(str(whole))
    for action in (read, lambda path: check(str(path))):
        with pytest.raises(Unreadable) as caught:
            action(cut)
        assert "\n" not in str(caught.value)


def bomb(path, width, height):
    """A PNG of a few bytes whose header promises any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")):
        content += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("side", [9_600, 12_000, 60_000])
def test_bombs_are_refused_by_their_header_alone(side, tmp_path):
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(Unreadable, match="megapixels"):
        read(bomb(tmp_path / "bomb.png", side, side))
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    "name,content,reason",
    [
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"these are words, not pixels", "known format"),
        ("ghost.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "known format"),
    ],
)
def test_what_is_no_image_says_so(name, content, reason, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable, match=reason):
        read(tmp_path / name)


def test_missing_files_and_folders_are_unreadable(tmp_path):
    with pytest.raises(Unreadable, match="missing"):
        read(tmp_path / "gone.jpg")
    with pytest.raises(Unreadable, match="ordinary"):
        read(tmp_path)


def test_lazily_opened_images_of_the_user_that_break_are_unreadable(pixels):
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), dtype=np.uint8)).save(stream, "png")
    image = Image.open(io.BytesIO(stream.getvalue()[:5000]))
    with pytest.raises(Unreadable):
        read(image)

"""Files that were made, mutated or damaged to harm: a reason in one line, nothing printed, memory within bounds."""

import io
import random
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile

from autosft.api import Row, Unreadable
from autosft_image import memory
from autosft_image.modality import ImageModality
from autosft_image.reading import check

SAVED = {
    "jpg": {"quality": 80},
    "jpg progressive": {"progressive": True},
    "jpg CMYK": {},
    "png": {},
    "png P": {"transparency": 0},
    "png I;16": {},
    "png LA": {},
    "gif": {"save_all": True},
    "webp": {},
    "webp RGBA": {"lossless": True},
    "bmp": {},
    "tif": {"compression": "tiff_lzw"},
    "tif F": {},
    "tif jpeg": {"compression": "jpeg"},
    "ppm": {},
    "ico": {},
    "jp2": {},
    "avif": {},
    "qoi": {},
}


def encoded(name, picture):
    """A small picture in one of the formats, modes and options above."""
    ending, _, mode = name.partition(" ")
    image = Image.fromarray(picture)
    if mode == "I;16":
        image = Image.fromarray(picture[:, :, 0].astype(np.uint16) * 200)
    elif mode and mode.isupper():
        image = image.convert(mode)
    stream = io.BytesIO()
    others = {"append_images": [image.rotate(90)]} if ending == "gif" else {}
    kinds = {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000"}
    image.save(stream, kinds.get(ending, ending), **SAVED[name], **others)
    return ending, stream.getvalue()


def mutated(content, draw):
    """The content with a few bytes changed, most of them near its head, or a stretch cut out, doubled or cut off."""
    content = bytearray(content)
    way = draw.randrange(6)
    if way < 3:
        for _ in range(draw.choice((1, 2, 8, 40))):
            reach = len(content) if draw.random() < 0.5 else min(len(content), 100)
            content[draw.randrange(reach)] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))
    else:
        start = draw.randrange(len(content))
        end = min(len(content), start + draw.randrange(1, 200))
        content[start:end] = {3: b"", 4: content[start:end] * 2, 5: b""}[way]
        if way == 5:
            del content[start:]
    return bytes(content)


def trial(seed, pixels, folder):
    """Read one mutated file: an image or a reason, and an image wherever the check found nothing."""
    draw = random.Random(seed)
    ending, content = encoded(list(SAVED)[seed % len(SAVED)], pixels(30, 40, seed=seed))
    path = folder / f"{seed}.{ending}"
    path.write_bytes(mutated(content, draw))
    try:
        check(str(path))
        sound = True
    except Unreadable as error:
        sound = False
        assert str(error) and "\n" not in str(error)
    try:
        array = ImageModality().read(Row("row", str(path))).data
        assert array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3 and array.size
        return True
    except Unreadable as error:
        assert not sound, f"{seed}: was found sound, but {error}"
        assert "\n" not in str(error)
        return False


def test_mutated_files_give_an_image_or_a_reason(pixels, tmp_path):
    assert len({trial(seed, pixels, tmp_path) for seed in range(95)}) == 2


@pytest.mark.slow
def test_a_thousand_mutated_files_give_an_image_or_a_reason(pixels, tmp_path):
    read = [trial(seed, pixels, tmp_path) for seed in range(1000, 2000)]
    assert 100 < sum(read) < 900


def test_what_libraries_print_of_a_damaged_file_is_not_the_users(pixels, tmp_path):
    path = tmp_path / "damaged.tif"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)).save(
        path, compression="tiff_deflate"
    )
    content = bytearray(path.read_bytes())
    content[100:130] = bytes(30)
    path.write_bytes(content)
    code = (
        "import sys; from autosft.errors import Unreadable; from autosft_image.reading import check\n"
        "try:\n    check(sys.argv[1])\nexcept Unreadable as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("damaged") and done.stderr == ""


def test_what_is_decoded_at_the_same_time_is_bounded(monkeypatch, save, tmp_path):
    """With room for one picture and a half, eight threads decode them one by one."""
    path = save(tmp_path / "a.png")
    monkeypatch.setattr(memory, "MOST_BYTES", 48 * 64 * 12)
    most, load = 0, ImageFile.ImageFile.load

    def watched(image):
        nonlocal most
        most = max(most, memory._taken)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", watched)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: check(str(path)), range(40)))
    assert most == 48 * 64 * 8 and memory._taken == 0


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def whole_png(path, side, color):
    """A true PNG of nothing, of any size: 6 for RGBA, 2 for RGB, 0 for gray."""
    channels = {6: 4, 2: 3, 0: 1}[color]
    packer, body = zlib.compressobj(1), b""
    for _ in range(side):
        body += packer.compress(bytes(1 + channels * side))
    body += packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, color, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    return path


MEASURE = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from autosft.api import Unreadable
from autosft_image.reading import check, read_rgb
read_rgb(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def read(path):
    try:
        check(path)
        return read_rgb(path)[0].shape
    except Unreadable as error:
        return str(error)
with ThreadPoolExecutor(4) as pool:
    print(*pool.map(read, sys.argv[2:]), sep=chr(10))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_the_largest_bearable_images_read_by_four_threads_take_less_than_a_gigabyte(save, tmp_path):
    tiny = save(tmp_path / "tiny.png")
    large = [whole_png(tmp_path / f"{color}.png", 9400, color) for color in (6, 2, 0)]
    for ending, side in (("webp", 7400), ("jp2", 4000), ("avif", 4000)):
        Image.new("RGBA", (side, side), "teal").save(tmp_path / f"large.{ending}")
        large.append(tmp_path / f"large.{ending}")
    arguments = [sys.executable, "-c", MEASURE, str(tiny), *map(str, large)]
    *shapes, more = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.splitlines()
    assert shapes == ["(384, 384, 3)"] * len(large)
    assert int(more) < 1_000_000  # kilobytes

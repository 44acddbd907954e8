import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from autosft.api import Row
from autosft_image.modality import ImageModality


def read(ref):
    return ImageModality().read(Row("row", ref if isinstance(ref, (np.ndarray, Image.Image)) else str(ref))).data


MODES = [
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "CMYK",
    "I;16",
    "I",
    "F",
    "YCbCr",
    "LAB",
    "HSV",
    "RGBX",
    "La",
    "RGBa",
]


@pytest.mark.parametrize("mode", MODES)
def test_every_pillow_mode_becomes_8_bit_rgb(mode, pixels):
    image = Image.fromarray(pixels())
    if mode == "LAB":
        image = Image.merge("LAB", [image.getchannel(0), *[Image.new("L", image.size, 0)] * 2])
    elif mode == "PA":
        image = image.convert("P").convert("PA")
    elif mode == "I;16":
        image = Image.fromarray(pixels()[:, :, 0].astype(np.uint16) * 16)
    elif mode in ("La", "RGBa"):
        image = image.convert("LA" if mode == "La" else "RGBA").convert(mode)
    else:
        image = image.convert(mode)
    assert image.mode == mode
    array = read(image)
    assert array.shape == (48, 64, 3) and array.dtype == np.uint8
    assert array[-1].mean() > array[0].mean()  # brighter below, whatever the mode


@pytest.mark.parametrize(
    "mode,ending", [("RGBA", "png"), ("LA", "png"), ("P", "gif"), ("RGBA", "webp"), ("RGBA", "tif")]
)
def test_transparency_is_laid_on_white(mode, ending, tmp_path):
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    options = {"lossless": True} if ending == "webp" else {}
    image = image.convert("P") if mode == "P" else image.convert(mode)
    if mode == "P":
        options["transparency"] = image.getpixel((0, 0))
    image.save(tmp_path / f"clear.{ending}", **options)
    assert (read(tmp_path / f"clear.{ending}") == 255).all()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_transparent_color_is_laid_on_white(mode, tmp_path):
    Image.new(mode, (8, 8)).save(tmp_path / "clear.png", transparency=0 if mode == "L" else (0, 0, 0))
    assert (read(tmp_path / "clear.png") == 255).all()


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deep_gray_is_scaled_by_its_own_range(kind, tmp_path):
    values = np.linspace(100, 4000, 64 * 64).reshape(64, 64).astype(kind)
    Image.fromarray(values).save(tmp_path / "deep.tif")
    array = read(tmp_path / "deep.tif")
    assert array.min() == 0 and array.max() == 255 and abs(array.mean() - 127.5) < 1


def test_float_gray_with_nothing_finite_is_black():
    assert not read(Image.fromarray(np.full((8, 8), np.nan, np.float32))).any()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_exif_orientation_is_applied(orientation, ending, pixels, tmp_path):
    upright = Image.fromarray(pixels())
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(inverse[orientation]) if orientation in inverse else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"turned.{ending}", exif=exif)
    array = read(tmp_path / f"turned.{ending}")
    assert array.shape == (48, 64, 3)
    assert np.abs(array.astype(int) - np.asarray(upright)).mean() < 4


def test_broken_exif_costs_the_turn_and_not_the_picture(save, tmp_path):
    path = save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\0\0")
    assert read(path).shape == (48, 64, 3)


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "green", "blue")]
    for name in ("a.gif", "a.png", "a.webp", "a.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        red, green, blue = read(tmp_path / name)[10, 10]
        assert red > 240 and green < 15 and blue < 15, name


@pytest.mark.parametrize("size,shape", [((900, 1200), (384, 512)), ((1200, 500), (922, 384)), ((384, 600), (384, 600))])
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_short_side_above_384_is_reduced(size, shape, ending, save, tmp_path):
    assert read(save(tmp_path / f"large.{ending}", size=size)).shape == (*shape, 3)


def test_arrays_and_pillow_images_are_read_as_files_are(pixels):
    array = pixels()
    assert np.array_equal(read(array), array)
    image = Image.fromarray(array)
    assert np.array_equal(read(image), array)
    assert image.size == (64, 48)


def test_threads_leave_the_warning_filters_as_they_were(save, tmp_path):
    path = save(tmp_path / "a.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read(path), range(200)))
    assert warnings.filters == before

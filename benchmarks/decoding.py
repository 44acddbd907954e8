"""What decoding an image costs, beside reading it again from a disk cache, and beside training on it.

A photo of scikit-learn is enlarged to several sizes, with noise so that it compresses like a photo, and written as JPEG
and PNG. Figures are CPU milliseconds on one thread: the median of several repeats, and from the least to the most.

    python benchmarks/decoding.py --repeats 9
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from autosft.contracts.modality import Example
from autosft.contracts.recipe import Recipe
from autosft.contracts.state import State
from autosft_image.curated import BY_NAME
from autosft_image.modality import ImageModality
from autosft_image.reading import check, read_rgb
from autosft_image.timm_family import TimmFamily

SIZES = ((213, 160), (640, 480), (1024, 768), (2048, 1536), (4032, 3024))
BACKBONE, ROWS = "tf_efficientnet_lite0.in1k", 16


def milliseconds(work: Callable[[], Any], repeats: int, per: int = 1) -> str:
    """CPU time of one call, or of one of the `per` rows in it."""
    work()
    taken: list[float] = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - started) / per)
    return f"{statistics.median(taken):7.2f} ({min(taken):.2f} to {max(taken):.2f})"


def photo(width: int, height: int) -> Image.Image:
    """A photo of this size, with the noise of a camera."""
    pixels = np.asarray(
        Image.fromarray(load_sample_image("china.jpg")).resize((width, height), Image.Resampling.BICUBIC)
    )
    noise = np.random.default_rng(0).normal(0, 6, (height, width, 1))
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


def decoding(folder: Path, repeats: int) -> None:
    """Decoding by size and format; what a cache on disk would have to do instead; and the views."""
    draw = np.random.default_rng(0)
    recipe, info = Recipe(backbone=BACKBONE, strategy="any"), BY_NAME[BACKBONE]
    for width, height in SIZES:
        jpeg, png, raw = folder / "photo.jpg", folder / "photo.png", folder / "photo.raw"
        image = photo(width, height)
        image.save(jpeg, quality=88)
        image.save(png)
        sample, _ = read_rgb(str(jpeg))
        raw.write_bytes(sample.tobytes())
        print(f"{width} x {height}, JPEG of {jpeg.stat().st_size / 1e6:.2f} MB, decoded to {sample.shape}")
        for title, work in (
            ("inspect JPEG", lambda path=jpeg: check(str(path))),
            ("decode JPEG", lambda path=jpeg: read_rgb(str(path))),
            ("decode PNG", lambda path=png: read_rgb(str(path))),
            ("digest of the JPEG, the cache's key", lambda path=jpeg: hashlib.sha256(path.read_bytes()).digest()),
            (
                "read the decoded pixels, with their checksum",
                lambda path=raw: hashlib.sha256(path.read_bytes()).digest(),
            ),
        ):
            print(f"  {title:46}{milliseconds(work, repeats)}")
        for strength in ("none", "light", "strong"):
            view = ImageModality().view(info.inputs, recipe, State(), strength=strength)
            see = partial(view, Example(sample), draw)
            print(f"  view {strength:41}{milliseconds(see, repeats)}")


def encoding(repeats: int) -> None:
    """A row through the encoder, and there and back."""
    encoder = TimmFamily().build(BY_NAME[BACKBONE], Recipe(backbone=BACKBONE, strategy="any"), State(), None)
    inputs = torch.randn(ROWS, 3, 224, 224)

    def train() -> None:
        encoder(inputs)["pooled"].sum().backward()

    def encode() -> None:
        with torch.inference_mode():
            encoder(inputs)

    print(BACKBONE)
    print(f"  {'train':46}{milliseconds(train, repeats, ROWS)}")
    encoder.eval()
    print(f"  {'encode':46}{milliseconds(encode, repeats, ROWS)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        decoding(Path(name), asked.repeats)
    encoding(asked.repeats)

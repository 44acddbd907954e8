"""Real image files, made with Pillow."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pixels():
    """A smooth picture without symmetry: no turn and no flip of it looks like another."""

    def make(height=48, width=64, seed=0):
        rows, columns = np.mgrid[0:height, 0:width].astype(float)
        shift = np.random.default_rng(seed).uniform(0, 60, 3)
        planes = [rows / height * 120 + columns / width * 60 * channel + shift[channel] for channel in range(3)]
        return np.stack(planes, axis=2).clip(0, 255).astype(np.uint8)

    return make


@pytest.fixture
def save(pixels):
    """Write a picture and give its path."""

    def write(path, seed=0, size=(48, 64), **options):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(*size, seed=seed)).save(path, **options)
        return path

    return write


@pytest.fixture
def dataset(save, tmp_path):
    """Two classes, two splits, three pictures each."""
    for split in ("train", "test"):
        for name in ("ants", "bees"):
            for number in range(3):
                save(tmp_path / "insects" / split / name / f"{number}.jpg", seed=number)
    return tmp_path / "insects"

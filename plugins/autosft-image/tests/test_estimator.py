"""Images in memory and in data frames, through a whole search."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from autosft import AutoSFTClassifier, Predictor, run_search

pytestmark = pytest.mark.slow
SETTINGS = {
    "budget": None,
    "trials": 1,
    "threads": 1,
    "device": "cpu",
    "strategies": ("probe",),
    "backbones": ("timm/tf_efficientnet_lite0",),
}


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Pictures of noise, every second one red."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    red = np.arange(40) % 2
    pixels = np.random.default_rng(0).integers(0, 60, (40, 48, 48, 3)).astype(np.uint8)
    pixels[red == 1, :, :, 0] += 150
    return pixels, red


def test_pictures_in_memory_are_learned(pictures):
    pixels, red = pictures

    classifier = AutoSFTClassifier(**SETTINGS).fit(pixels, red)

    assert classifier.score([Image.fromarray(one) for one in pixels], red) > 0.9
    assert classifier.predict(pixels[:4]).tolist() == [0, 1, 0, 1]


def test_a_frame_of_paths_is_learned_and_answered(pictures, tmp_path):
    pixels, red = pictures
    paths = [f"{number}.png" for number in range(len(pixels))]
    for path, one in zip(paths, pixels, strict=True):
        Image.fromarray(one).save(path)
    frame = pd.DataFrame({"image": paths, "label": red})

    result = run_search(frame, target="label", run="run", **SETTINGS)

    assert result.test is not None and result.test > 0.8
    predictor = Predictor.load("run")
    expected = ["0", "1", "0", "1"]
    for given in (frame[:4], frame["image"][:4], paths[:4], pixels[:4]):
        assert predictor.predict(given) == expected

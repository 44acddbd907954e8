"""Trials on texts and pictures that need no weights, where the packages are installed that read these."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from autosft.api import Rows
from autosft.builtin.classification import Classification
from autosft.host.registry import Registry
from autosft.testing.trials import default_recipe, make_trial


@pytest.fixture
def quick():
    """A function from a strategy and a backbone to a recipe that is done within seconds."""

    def make(strategy, backbone, *, epochs=3, lr=1e-2, **own):
        recipe = default_recipe(strategy, backbone)
        optim = recipe.optim.model_copy(update={"lr": lr, "batch_size": 16, "weight_decay": 0.0})
        stop = recipe.stop.model_copy(update={"max_epochs": epochs})
        values = {**recipe.of(strategy.name), **own}
        regular = recipe.regular.model_copy(update={"norm_statistics": "batch"})  # weights here are fresh ones
        return recipe.changed(optim=optim, regular=regular, stop=stop, own={strategy.name: values})

    return make


def _trial(folder, path, modality, family, recipe):
    """A trial whose validation rows are there without their targets too."""
    problem = Classification()
    registry = Registry(
        modalities={modality.name: modality}, backbones={family.prefix: family}, problems={problem.name: problem}
    )
    trial = make_trial(folder, modality.recognize(path).task, registry, recipe)
    return replace(trial, unlabeled=Rows.of(replace(row, targets=()) for row in trial.valid))


@pytest.fixture
def text_trial(tmp_path):
    """A function from a recipe to its trial on sixty sentences of few words, with an LSTM from scratch."""
    family = pytest.importorskip("autosft_text.lstm_family").LstmFamily()
    modality = pytest.importorskip("autosft_text.modality").TextModality()
    draw = np.random.default_rng(0)

    def sentence(good):
        words = ("fine", "lovely", "warm") if good else ("dull", "poor", "cold")
        return f"the {draw.choice(['film', 'song', 'meal'])} was {draw.choice(words)} and {draw.choice(words)}"

    with (tmp_path / "texts.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["text", "label"])
        table.writerows([sentence(n % 2), ("bad", "good")[n % 2]] for n in range(60))

    def make(recipe):
        return _trial(tmp_path / "trial", tmp_path / "texts.csv", modality, family, recipe)

    return make


@pytest.fixture
def picture_trial(tmp_path):
    """A function from a recipe to its trial on forty pictures, red above and green below, with a small network
    from scratch."""
    family = pytest.importorskip("autosft_image.timm_family").TimmFamily()
    modality = pytest.importorskip("autosft_image.modality").ImageModality()
    from PIL import Image

    draw = np.random.default_rng(0)
    down = np.mgrid[0:24, 0:24][0] / 24
    for name, blue in (("dark", 0), ("bright", 120)):
        (tmp_path / "skies" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.stack([255 * (down < 0.5), 255 * (down >= 0.5), 0 * down + blue], 2)
            pixels = pixels + draw.normal(scale=20, size=pixels.shape)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "skies" / name / f"{number}.png")

    def make(recipe):
        return _trial(tmp_path / "trial", tmp_path / "skies", modality, family, recipe)

    return make

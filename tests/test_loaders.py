"""Models of images, sounds and texts are the same, bit for bit, whoever loads their rows."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.contracts.recipe import Optim, Recipe, Regular, Stop
from autosft.contracts.rows import Rows
from autosft.contracts.trial import Loaders
from autosft.data.arrow import open_rows, write_rows
from autosft.host.loading import load
from autosft.testing.trials import make_runtime, make_trial
from autosft.training import ahead
from autosft.training.loop import train

LOADERS = [Loaders(0), Loaders(1), Loaders(3), Loaders(2, "processes")]


def images(folder):
    from PIL import Image

    draw = np.random.default_rng(0)
    for number in range(32):
        path = folder / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (90 + number, 120, 3), dtype=np.uint8)).save(path)
    return folder


def sounds(folder):
    import soundfile

    draw = np.random.default_rng(0)
    for number in range(24):
        path = folder / "ab"[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * draw.standard_normal(8000 + 500 * number), 22_050)
    return folder


def texts(folder):
    draw = np.random.default_rng(0)
    folder.mkdir()
    with (folder / "train.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "label"))
        for number in range(60):
            words = " ".join(draw.choice(["the film", "a long story", "of nobody", "was lost"], number % 9 + 3))
            writer.writerow((f"{words} and {number} more, so it was {'dull' if number % 2 else 'fine'}.", number % 2))
    return folder / "train.csv"


CASES = {
    "image": (images, "timm/test_resnet.r160_in1k"),
    "audio": (sounds, "timm/test_resnet.r160_in1k"),
    "text": (texts, "lstm/bidirectional"),
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("modality", CASES)
def test_weights_are_the_same_whoever_loads(modality, tmp_path, monkeypatch):
    monkeypatch.setattr(ahead, "TRIFLE_SECONDS", -1.0)
    registry, (make, backbone) = load(), CASES[modality]
    task = registry.modality(modality).recognize(make(tmp_path / "data")).task
    recipe = Recipe(
        backbone=backbone,
        strategy="full",
        optim=Optim(lr=1e-3, batch_size=8),
        regular=Regular(augment="strong"),
        stop=Stop(max_epochs=2),
        seed=1,
    )
    trial = make_trial(tmp_path / "trial", task, registry, recipe)

    def in_file(rows: Rows, name: str) -> Rows:
        write_rows(tmp_path / name, rows, {})
        return open_rows(tmp_path / name)[0]

    trial = replace(trial, train=in_file(trial.train, "train"), valid=in_file(trial.valid, "valid"))
    states = []
    for number, loaders in enumerate(LOADERS):
        some = replace(trial, folder=tmp_path / str(number))
        trained = train(some, replace(make_runtime(trial), loaders=loaders), registry.strategy("full"))
        states.append(trained.model.state_dict())
    for state in states[1:]:
        assert all(torch.equal(tensor, state[name]) for name, tensor in states[0].items())

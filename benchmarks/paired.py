"""What the comparisons of AutoSFT with a baseline share: searches and answers as a user gets them, paired intervals."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

RESAMPLES = 10_000


def search(data: Path, run: Path, options: Sequence[str], program: Sequence[str] = ("-m", "autosft")) -> float:
    """Run the command that a user would type, with its output beside the run and an empty cache of encoded rows; the
    wall clock of the whole process. What Python is to run may be another program that takes the same words."""
    command = [sys.executable, *program, "search", str(data), "--run", str(run), *options]
    with TemporaryDirectory() as cache, run.with_suffix(".log").open("w") as log:
        started = time.monotonic()
        subprocess.run(command, check=True, stdout=log, stderr=log, env={**os.environ, "AUTOSFT_CACHE": cache})
        return time.monotonic() - started


def predictions(run: Path, inputs: Path) -> tuple[list[str], list[str]]:
    """Inputs and answers of the run's bundle, in a fresh process."""
    out = run / "test-answers.csv"
    subprocess.run([sys.executable, "-m", "autosft", "predict", str(run), str(inputs), "--out", str(out)], check=True)
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [row["input"] for row in rows], [row["prediction"] for row in rows]


def interval(rows: np.ndarray) -> str:
    """The mean over rows in points, with a 95 % bootstrap interval."""
    draw = np.random.default_rng(0)
    means = [rows[draw.integers(0, len(rows), len(rows))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{100 * rows.mean():+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"


def pooled(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray], baseline: str) -> str:
    """The paired difference over all rows of all sets, in a sentence. Arrays are (seeds, rows); rows are drawn with all
    their seeds together."""
    rows = np.concatenate([(ours[name] - theirs[name]).mean(0) for name in ours])
    return f"Pooled over {len(rows)} test rows: AutoSFT minus {baseline} {interval(rows)} points."

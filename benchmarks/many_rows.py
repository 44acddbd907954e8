"""Very many rows: what they cost the driver before the first trial, and each worker at its start.

Makes a table of a million short texts, or a folder of 200,000 small pictures. A process of its own scans, splits and
plans as a search does, and another opens the run as a worker does. Seconds; the most private memory above that of the
imports, and what of it stays. Pages of files that are mapped belong to everybody and do not count.

    python benchmarks/many_rows.py texts OUT [--rows 1000000] [--weights DIR]
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

SEED = 0
CLASSES, WORDS, LENGTH = 20, 5000, 12
SIDE = 24
PHASES = ("plan", "worker")


def make_texts(folder: Path, rows: int) -> Path:
    """A table of texts, each of words that are more common in its class."""
    draw = np.random.default_rng(SEED)
    words = np.array([f"word{number}" for number in range(WORDS)])
    path = folder / "texts.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        for _ in range(0, rows, 10_000):
            labels = draw.integers(CLASSES, size=10_000)
            chosen = (draw.integers(WORDS, size=(10_000, LENGTH)) // CLASSES) * CLASSES + labels[:, None]
            some = zip(words[chosen % WORDS], labels, strict=True)
            writer.writerows((" ".join(text), f"class {label}") for text, label in some)
    return path


def make_images(folder: Path, rows: int) -> Path:
    """A folder per class of small pictures of noise around a color."""
    from PIL import Image

    draw = np.random.default_rng(SEED)
    for label in range(CLASSES):
        home = folder / "images" / f"class {label}"
        home.mkdir(parents=True, exist_ok=True)
        for number in range(rows // CLASSES):
            noise = draw.integers(0, 60, size=(SIDE, SIDE, 3)) + 9 * label
            Image.fromarray(noise.astype(np.uint8)).save(home / f"{number}.png", compress_level=1)
    return folder / "images"


def private_bytes() -> int:
    """What this process alone holds in memory."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return 1024 * sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


class Peak:
    """The most private memory since its beginning, looked at every 20 ms."""

    def __init__(self) -> None:
        self._before, self.most, self._on = private_bytes(), 0, True
        self._thread = threading.Thread(target=self._callback, daemon=True)
        self._thread.start()

    def _callback(self) -> None:
        while self._on:
            self.most = max(self.most, private_bytes() - self._before)
            time.sleep(0.02)

    def end(self) -> float:
        """Megabytes."""
        self._on = False
        self._thread.join()
        return max(self.most, private_bytes() - self._before) / 1e6


def phase(name: str, data: Path, run: Path, weights: list[str]) -> dict[str, float]:
    """In a process of its own: one phase."""
    import torch

    from autosft.host.loading import load
    from autosft.runs.run import Run
    from autosft.search.driver import run_search
    from autosft.workers.runner import TrialRunner

    registry = load()
    before, peak, started = private_bytes(), Peak(), time.perf_counter()
    if name == "plan":
        with suppress(Planning):
            run_search(data, run=run, weights=weights, budget="1h", callback=until_planned, registry=registry)
        kept: object = None
    else:
        kept = TrialRunner(Run.read(run), registry, torch.device("cpu"))
    seconds, most = time.perf_counter() - started, peak.end()
    gc.collect()
    held = (private_bytes() - before) / 1e6
    del kept
    return {"seconds": seconds, "peak_megabytes": most, "held_megabytes": held}


class Planning(Exception):
    """The plan is made, and no trial begun."""


def until_planned(event: object) -> None:
    """Ends a search before its first trial."""
    from autosft.search.events import Planned

    if isinstance(event, Planned):
        raise Planning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["texts", "images"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--weights", nargs="*", default=[])
    parser.add_argument("--phase", default="")
    arguments = parser.parse_args()
    out, rows = arguments.out, arguments.rows or {"texts": 1_000_000, "images": 200_000}[arguments.kind]
    place = out / ("texts.csv" if arguments.kind == "texts" else "images")
    if arguments.phase:
        print(json.dumps(phase(arguments.phase, place, out / "run", arguments.weights)))
        return
    out.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        {"texts": make_texts, "images": make_images}[arguments.kind](out, rows)
    shutil.rmtree(out / "run", ignore_errors=True)
    for name in PHASES:
        words = [sys.executable, __file__, arguments.kind, str(out), "--phase", name, "--weights", *arguments.weights]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        print(arguments.kind, rows, name, said.strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()

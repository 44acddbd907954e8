"""What an ensemble of three takes beside the forward passes of its members: files are decoded once, and ahead.

Photographs are made as in `loading.py`; the members are models of timm without pretrained weights. Forward passes are
timed over batches that lie in memory, as large and in the same order as in prediction; then the ensemble predicts from
the files. Both take turns, and what is told is the ratio of their seconds in each round.

    python benchmarks/ensemble_prediction.py OUT DATA --rounds 5 --threads 2
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

import torch
from loading import CLASSES, parts_of, write_photographs

from autosft.contracts.rows import Row, Rows
from autosft.contracts.trial import Runtime
from autosft.deploy.bundle import save_bundle
from autosft.deploy.member import save_member
from autosft.deploy.predictor import Predictor
from autosft.training.device import eval_batch_for, pick_device
from autosft.training.loaders import Loader
from autosft.training.model import build_model

MEMBERS = ("resnet18.a1_in1k", "tf_efficientnet_lite0.in1k", "tf_efficientnet_lite1.in1k")


def bundle_of(out: Path, rows: Rows, device: torch.device) -> Path:
    """A bundle of the three."""
    folders: list[tuple[Path, float]] = []
    for name in MEMBERS:
        parts = parts_of(rows, name)
        folders.append((out / name, 1 / len(MEMBERS)))
        save_member(folders[-1][0], parts, build_model(parts, Runtime(parts.modality.read, device)), parts.states)
    save_bundle(out / "best", parts_of(rows).task, folders, {}, {})
    return out / "best"


def passes(predictor: Predictor, rows: Rows, device: torch.device) -> float:
    """The seconds of all members' forward passes."""
    seconds = 0.0
    for parts, model in predictor.members:
        size = eval_batch_for(device).rows
        runtime = Runtime(parts.modality.read, device)
        batches = [batch.to(device) for batch in Loader(parts, runtime, rows, batch_size=size, targets=False).epoch()]
        model.eval()
        started = time.perf_counter()
        with torch.inference_mode():
            for batch in batches:
                model(batch)
        seconds += time.perf_counter() - started
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, help="a folder with photographs, at any depth")
    parser.add_argument("--photographs", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = pick_device("cpu")
    paths = write_photographs(arguments.out / "photographs", arguments.data, arguments.photographs)
    rows = Rows.of(Row(path.name, str(path), (str(n % CLASSES),)) for n, path in enumerate(paths))
    predictor = Predictor.load(bundle_of(arguments.out, rows, device), device="cpu")
    ratios: list[float] = []
    for _ in range(arguments.rounds):
        forward = passes(predictor, rows, device)
        started = time.perf_counter()
        predictor.predict(list(map(str, paths)))
        whole = time.perf_counter() - started
        ratios.append(whole / forward)
        print(f"forward passes {forward:.1f} s, prediction {whole:.1f} s, ratio {ratios[-1]:.2f}", flush=True)
    print(f"ratio: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), n = {len(ratios)}")


if __name__ == "__main__":
    main()

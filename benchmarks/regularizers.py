"""Does a regularizer pay by itself? `full` with one of them switched on, all else as the search tries it first.

For each folder of images: every training row, the same epochs for all, no early stopping, then the accuracy on the
test rows. The first line of a set has none of them.

    python benchmarks/regularizers.py --weights WEIGHTS --epochs 8 --seeds 1 FOLDER FOLDER
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from autosft.builtin.classification import Classification
from autosft.contracts.recipe import Recipe, Regular, Stop
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Job, States
from autosft.training.evaluation import evaluate
from autosft.training.loop import train
from autosft_image.modality import ImageModality
from autosft_image.timm_family import TimmFamily
from autosft_strategies.full import Full

KINDS: dict[str, tuple[Regular, str]] = {
    "none": (Regular(), ""),
    "light": (Regular(augment="light"), ""),
    "strong, TrivialAugment": (Regular(augment="strong"), "trivialaugment"),
    "strong, RandAugment": (Regular(augment="strong"), "randaugment"),
    "mixup 0.2": (Regular(mixup=0.2), ""),
    "mixup 0.8": (Regular(mixup=0.8), ""),
    "cutmix 1": (Regular(cutmix=1.0), ""),
    "light, cutmix 1": (Regular(augment="light", cutmix=1.0), ""),
    "label smoothing 0.1": (Regular(label_smoothing=0.1), ""),
    "dropout 0.3": (Regular(dropout=0.3), ""),
}


def accuracy(folder: Path, weights: Path, kind: str, epochs: int, seed: int, resolution: float) -> tuple[float, float]:
    """The accuracy on the test rows, and the mean deviance."""
    modality, family, problem = ImageModality(), TimmFamily(), Classification()
    claim, local = modality.recognize(folder), family.local(weights)
    assert claim and local, "no folder of images, or no weights of timm"
    rows = modality.scan(claim.task).rows
    train_rows, test_rows = (rows.take(rows.split == split) for split in ("train", "test"))
    decoded = {row.id: modality.read(row) for row in train_rows + test_rows}
    regular, policy = KINDS[kind]
    own = {"image": {"resolution": resolution, **({"policy": policy} if policy else {})}}
    stop = Stop(max_epochs=epochs)
    recipe = Recipe(backbone=local[0].name, strategy="full", regular=regular, stop=stop, own=own, seed=seed)
    with tempfile.TemporaryDirectory() as scratch:
        job = Job(
            task=claim.task,
            recipe=recipe,
            train=train_rows,
            valid=Rows.of(()),
            unlabeled=Rows.of(()),
            modality=modality,
            family=family,
            info=local[0],
            weights=local[1],
            problems=(problem,),
            states=States(
                modality=modality.fit(train_rows, modality.read), problems=(problem.fit(train_rows.target(0)),)
            ),
            metric="accuracy",
            read=lambda row: decoded[row.id],
            device=torch.device("cpu"),
            folder=Path(scratch),
            seconds_left=lambda: float("inf"),
            replay={"full": epochs},
        )
        found = evaluate(job, train(job, Full()).model, test_rows)
    return found.score, found.loss


def main() -> None:
    """Print a line for each set, kind and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--kind", action="append", choices=KINDS, help="May be given several times; by default all.")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--resolution", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for folder in args.folders:
        for kind in args.kind or KINDS:
            for seed in range(args.seeds):
                started = time.perf_counter()
                score, loss = accuracy(folder, args.weights, kind, args.epochs, seed, args.resolution)
                seconds = time.perf_counter() - started
                print(f"{folder.name} | {kind} | {seed} | {score:.4f} | {loss:.4f} | {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()

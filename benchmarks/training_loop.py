"""The training loop against a bare PyTorch loop: the same model, decoded images, views, batches, optimizer and threads.

Both train EfficientNet-Lite0 without pretrained weights on random images that lie decoded in memory, in turn, several
rounds. The bare loop validates and saves nothing; ours has no validation rows, and its checkpoint after each epoch is
counted.

    python benchmarks/training_loop.py --rounds 5 --rows 256 --side 160
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from autosft.builtin.classification import Classification
from autosft.contracts.modality import Example, Sample
from autosft.contracts.recipe import Optim, Recipe, Stop
from autosft.contracts.rows import Row, Rows
from autosft.contracts.task import Task, TaskTarget
from autosft.contracts.trial import Parts, Runtime, States, Trial
from autosft.pools import GOOD_NEIGHBOR
from autosft.training.loop import train
from autosft.training.model import build_model, parameter_groups
from autosft.training.optim.optimizer import optimizer_for
from autosft.training.optim.schedule import set_rate
from autosft_image.modality import ImageModality
from autosft_image.timm_family import TimmFamily
from autosft_strategies.full import Full

NAME, CLASSES, BATCH = "tf_efficientnet_lite0.in1k", 10, 32


def make_trial(folder: Path, rows: int, side: int, epochs: int, threads: int) -> tuple[Trial, Runtime]:
    """A trial over random images, and where it computes."""
    torch.set_num_threads(threads)
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (rows, side, side, 3), dtype=np.uint8)
    train_rows = Rows.of(Row(f"r{n}", n, (str(n % CLASSES),)) for n in range(rows))
    modality, family, problem = ImageModality(), TimmFamily(), Classification()
    info = next(info for info in family.curated() if info.name.endswith(NAME))
    inputs = info.inputs.model_copy(update={"options": {**info.inputs.options, "size": [3, side, side]}})
    recipe = Recipe(
        backbone=info.name, strategy="full", optim=Optim(batch_size=BATCH), stop=Stop(max_epochs=epochs), seed=1
    )
    task = Task(
        name="random",
        modality="image",
        data={},
        targets=(TaskTarget(problem="classification", metric="accuracy"),),
    )
    info = info.model_copy(update={"inputs": inputs})
    states = States(problems=(problem.fit(train_rows.target(0)),))
    parts = Parts(task, recipe, modality, family, info, (problem,), None, states)
    trial = Trial(parts, folder, train_rows, Rows.of(()), Rows.of(()))
    return trial, Runtime(lambda row: images[row.ref], torch.device("cpu"))


def ours(trial: Trial, runtime: Runtime) -> float:
    """Samples per second of our loop, from the end of one epoch, its checkpoint written, to the end of the next."""
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        again = replace(trial, folder=Path(folder), replay={"full": trial.parts.recipe.stop.max_epochs})
        train(again, runtime, Full(), lambda _: ends.append(time.perf_counter()))
    return len(trial.train) / statistics.median(after - before for before, after in itertools.pairwise(ends))


def bare(trial: Trial, runtime: Runtime) -> float:
    """Samples per second of a loop as one would write it down."""
    torch.manual_seed(1)
    parts, recipe = trial.parts, trial.parts.recipe
    model = build_model(parts, runtime).train()
    optimizer = optimizer_for(parameter_groups(recipe, model))
    view = parts.modality.view(parts.info.inputs, recipe, parts.states.modality, strength="none")
    labels = torch.tensor([int(row.targets[0]) for row in trial.train])
    draw = np.random.default_rng(0)  # a plain view draws nothing from it
    steps, seconds = len(trial.train) // BATCH, []
    for epoch in range(recipe.stop.max_epochs):
        started = time.perf_counter()
        order = torch.randperm(len(trial.train))
        for step in range(steps):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            images = torch.stack(
                [view(Example(Sample.of(runtime.read(trial.train[int(index)])).data), draw).inputs for index in chosen]
            )
            set_rate(optimizer, epoch * steps + step, recipe.stop.max_epochs * steps, recipe.optim)
            optimizer.zero_grad(set_to_none=True)
            out = model.heads[0](model.encoder(images))
            loss = nn.functional.cross_entropy(out, labels[chosen])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), recipe.optim.clip)
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return len(trial.train) / statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in GOOD_NEIGHBOR.items()):
        print("without the environment that local workers get:", " ".join(f"{k}={v}" for k, v in GOOD_NEIGHBOR.items()))
    with tempfile.TemporaryDirectory() as folder:
        made = make_trial(Path(folder), arguments.rows, arguments.side, arguments.epochs, arguments.threads)
        bare(*made)  # the first round warms up
        ratios = []
        for _ in range(arguments.rounds):
            theirs, mine = bare(*made), ours(*made)
            ratios.append(mine / theirs)
            print(f"bare {theirs:.1f} samples/s, ours {mine:.1f}, ratio {mine / theirs:.3f}", flush=True)
    print(f"ratio: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()

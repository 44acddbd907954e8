"""Who loads rows: the thread that trains, threads beside it, or processes? Samples per second, and waits.

Photographs of a set are enlarged, with the noise of a camera, until there are enough, and written as JPEG. They are
decoded and viewed for training at 224 px for each kind of loader in turn, and nothing is kept decoded: without a model,
and with a ResNet-18 without pretrained weights that trains on some of them. Every figure is written down when it is
there; the same command goes on after the last.

    python benchmarks/loading.py OUT DATA --rounds 3 --threads 2
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from autosft.builtin.classification import Classification
from autosft.contracts.recipe import Optim, Recipe, Regular
from autosft.contracts.rows import Row, Rows
from autosft.contracts.task import Task, TaskTarget
from autosft.contracts.trial import Loaders, Parts, Runtime, States
from autosft.data.arrow import open_rows, write_rows
from autosft.training.loaders import Loader
from autosft.training.losses import supervised
from autosft.training.model import build_model
from autosft.training.seeds import seed_everything
from autosft_image.modality import ImageModality
from autosft_image.timm_family import TimmFamily

NAME, BATCH, LONG_SIDE, CLASSES = "resnet18.a1_in1k", 32, 1024, 10


def write_photographs(folder: Path, data: Path, count: int) -> list[Path]:
    """So many photographs, each made of one of the set; those that are there are not made again."""
    found = sorted(path for path in data.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        image = Image.open(found[number % len(found)]).convert("RGB")
        scale = LONG_SIDE / max(image.size)
        large = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        noise = np.random.default_rng(number).normal(0, 6, (large.height, large.width, 1))
        made = Image.fromarray((np.asarray(large) + noise).clip(0, 255).astype(np.uint8))
        half = path.with_suffix(".half")
        made.save(half, "JPEG", quality=88)
        half.rename(path)
    return paths


def parts_of(rows: Rows, name: str = NAME) -> Parts:
    """A model of timm on images."""
    info = next(info for info in TimmFamily().curated() if info.name.endswith(name))
    recipe = Recipe(
        backbone=info.name, strategy="full", optim=Optim(batch_size=BATCH), regular=Regular(augment="light")
    )
    task = Task(name="photographs", modality="image", data={}, targets=(TaskTarget(problem="classification"),))
    problem = Classification()
    states = States(problems=(problem.fit(rows.target(0)),))
    return Parts(task, recipe, ImageModality(), TimmFamily(), info, (problem,), None, states)


def loading(parts: Parts, runtime: Runtime, rows: Rows) -> dict[str, float]:
    """An epoch that nobody trains on, after a short one in which whoever loads gets ready."""
    loader = Loader(parts, runtime, rows, ["light"], shuffle=True)
    for number, _ in enumerate(loader.epoch(0)):
        if number == 4:
            break
    started = time.perf_counter()
    count = sum(map(len, loader.epoch(1)))
    return {"samples_per_second": count / (time.perf_counter() - started)}


def training(parts: Parts, runtime: Runtime, rows: Rows) -> dict[str, float]:
    """The second of two epochs."""
    seed_everything(0)
    model = build_model(parts, runtime).train()
    loss, optimizer = supervised(parts, model), torch.optim.SGD(model.parameters(), lr=1e-3)
    loader = Loader(parts, runtime, rows, ["light"], shuffle=True)
    started = 0.0
    for epoch in range(2):
        started = time.perf_counter()
        for batch in loader.epoch(epoch):
            loss(batch.to(runtime.device)).backward()
            optimizer.step()
            optimizer.zero_grad()
    seconds = time.perf_counter() - started
    return {
        "samples_per_second": len(rows) / seconds,
        "waited_ms_per_step": 1000 * loader.waited / max(1, len(loader) - 1),
        "waited_fraction": loader.waited / seconds,
    }


def table(figures: list[dict[str, Any]]) -> None:
    """Median, least and most of every figure."""
    print("| step | loaders | n | samples per second | waited per step, ms | fraction of an epoch |")
    print("|---|---|--:|--:|--:|--:|")
    for step, count, kind in dict.fromkeys((one["step"], one["count"], one["kind"]) for one in figures):
        same = [one for one in figures if (one["step"], one["count"], one["kind"]) == (step, count, kind)]
        shown = [
            f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})" if values else ""
            for name in ("samples_per_second", "waited_ms_per_step", "waited_fraction")
            for values in [[one[name] for one in same if name in one]]
        ]
        print(f"| {step} | {count} {kind if count else '(who trains)'} | {len(same)} | {' | '.join(shown)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, help="a folder with photographs, at any depth")
    parser.add_argument("--photographs", type=int, default=2000)
    parser.add_argument("--trained", type=int, default=256, help="how many of them are trained on")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    paths = write_photographs(arguments.out / "photographs", arguments.data, arguments.photographs)
    made = (Row(path.name, str(path), (str(n % CLASSES),)) for n, path in enumerate(paths))
    write_rows(arguments.out / "rows.arrow", Rows.of(made), {})
    rows, _ = open_rows(arguments.out / "rows.arrow")
    parts, results = parts_of(rows), arguments.out / "results.jsonl"
    runtime = Runtime(parts.modality.read, torch.device(arguments.device))
    figures = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    counts = sorted({1, arguments.threads})
    ways = [Loaders(0), *(Loaders(count, kind) for kind in ("threads", "processes") for count in counts)]
    for number in range(arguments.rounds):
        for loaders in ways:
            for step, measure, some in (("load", loading, rows), ("train", training, rows[: arguments.trained])):
                what = {"step": step, "count": loaders.count, "kind": loaders.kind, "round": number}
                if not any(what.items() <= done.items() for done in figures):
                    figures.append({**what, **measure(parts, replace(runtime, loaders=loaders), some)})
                    with results.open("a") as stream:
                        stream.write(json.dumps(figures[-1]) + "\n")
    table(figures)


if __name__ == "__main__":
    main()

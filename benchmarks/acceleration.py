"""What mixed precision and compilation are worth on this machine: samples per second of a training step of one encoder.

Single precision, bfloat16 and compiled steps are measured in turn, several rounds, on random images or on words.

    python benchmarks/acceleration.py WEIGHTS [WEIGHTS ...] --threads 1 --side 128 --compile
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import Row, Rows
from autosft.contracts.tensors import Encoder
from autosft.host.loading import load


def encoder_at(path: Path) -> tuple[Encoder, str]:
    """The encoder whose weights lie at a path, and the kind of its inputs."""
    for family in load().backbones.values():
        if found := family.local(path):
            info, weights = found
            state = family.fit(info, Rows.of(()), _unread, weights)
            return family.build(info, Recipe(backbone=info.name, strategy="full"), state, weights), info.inputs.kind
    raise SystemExit(f"{path}: no installed plugin knows these weights.")


def _unread(_: Row) -> None:
    """What no family asks for that has weights of its own."""


def inputs_of(kind: str, rows: int, side: int) -> Any:
    """A batch."""
    return torch.randn(rows, 3, side, side) if kind == "image" else ["a few plain words of a short text " * 3] * rows


def step_of(encoder: Encoder, inputs: Any, *, mixed: bool) -> Callable[[], None]:
    """A forward and a backward pass."""

    def step() -> None:
        encoder.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            pooled = encoder(inputs)["pooled"]
        pooled.float().square().mean().backward()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="+", type=Path)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for path in arguments.weights:
        encoder, kind = encoder_at(path)
        encoder.train()
        inputs = inputs_of(kind, arguments.rows, arguments.side)
        steps = {"float32": step_of(encoder, inputs, mixed=False), "bfloat16": step_of(encoder, inputs, mixed=True)}
        if arguments.compile:
            compiled, _ = encoder_at(path)
            compiled.train().compile()
            steps["compiled"] = step_of(compiled, inputs, mixed=False)
        report(path.name, steps, arguments.rows, arguments.rounds)


def report(name: str, steps: dict[str, Callable[[], None]], rows: int, rounds: int) -> None:
    """Measure in turn, and print samples per second and ratios to the first."""
    first: dict[str, float] = {}
    taken: dict[str, list[float]] = {way: [] for way in steps}
    for number in range(rounds + 1):
        for way, step in steps.items():
            started = time.perf_counter()
            step()
            seconds = time.perf_counter() - started
            if number:
                taken[way].append(seconds)
            else:
                first[way] = seconds
    base = next(iter(taken))
    for way, seconds in taken.items():
        ratios = [before / after for before, after in zip(taken[base], seconds, strict=True)]
        print(
            f"{name} {way}: {rows / statistics.median(seconds):.1f} samples/s, {statistics.median(ratios):.2f} times "
            f"{base} ({min(ratios):.2f} to {max(ratios):.2f}); first step {first[way]:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""What the environment that local workers get (`autosft.pools.GOOD_NEIGHBOR`) is worth.

Times one forward and one training step of some timm models with fresh weights, in child processes with and without that
environment, in turn, alone and beside a process that keeps one core busy. A child that takes longer than the limit is
ended and shown as such.

    python benchmarks/worker_environment.py --rounds 3
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

from autosft.pools import GOOD_NEIGHBOR

MODELS = (("tf_efficientnet_lite0", 224), ("resnet18", 224))
ROWS = 16
REPEATS = 3
LIMIT_SECONDS = 90
BUSY = [sys.executable, "-c", "while True: pass"]


def measure() -> None:
    """In a child: print the best of some repeats in milliseconds per image, for each model encode and train."""
    import timm
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    for name, side in MODELS:
        network = timm.create_model(name, num_classes=0).to(memory_format=torch.channels_last)
        images = torch.randn(ROWS, 3, side, side).contiguous(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(network.parameters())

        def encode(network=network, images=images) -> None:
            with torch.inference_mode():
                network(images)

        def train(network=network, images=images, optimizer=optimizer) -> None:
            network(images).sum().backward()
            optimizer.step()

        for kind, step in (("encode", encode), ("train", train)):
            step()
            seconds = []
            for _ in range(REPEATS):
                started = time.perf_counter()
                step()
                seconds.append(time.perf_counter() - started)
            print(name, kind, 1000 * min(seconds) / ROWS, flush=True)


def child(environment: dict[str, str]) -> dict[str, float]:
    """One child's figures; what it had not printed within the limit is missing."""
    command = [sys.executable, __file__, "--measure"]
    try:
        output = subprocess.run(
            command, env=environment | os.environ, capture_output=True, timeout=LIMIT_SECONDS
        ).stdout
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
    lines = [line.split() for line in output.decode().splitlines()]
    return {f"{name} {kind}": float(figure) for name, kind, figure in lines}


def spread(figures: list[float | None]) -> str:
    """Minimum, median and maximum; how often the limit was reached."""
    known = [figure for figure in figures if figure is not None]
    late = len(figures) - len(known)
    text = f"{min(known):.0f} / {statistics.median(known):.0f} / {max(known):.0f}" if known else ""
    return " ".join(filter(None, [text, f"({late} over the limit)" if late else ""]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure()
        return
    print("| beside | step | default, ms per image (min / median / max) | workers' environment |\n|---|---|--:|--:|")
    for beside in ("nothing", "one busy process"):
        busy = subprocess.Popen(BUSY) if beside != "nothing" else None
        try:
            rounds = [(child({}), child(dict(GOOD_NEIGHBOR))) for _ in range(arguments.rounds)]
        finally:
            if busy:
                busy.kill()
                busy.wait()
        for name, _ in MODELS:
            for kind in ("encode", "train"):
                key = f"{name} {kind}"
                default, good = ([pair[side].get(key) for pair in rounds] for side in (0, 1))
                print(f"| {beside} | {key} | {spread(default)} | {spread(good)} |", flush=True)


if __name__ == "__main__":
    main()

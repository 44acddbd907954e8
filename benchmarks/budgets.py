"""Does a search keep its budget? The wall clock of whole processes, from the start of Python to their end.

Budgets and data sets take turns, each search with a seed and an empty cache of its own; every third has two workers.
The promise: never more than 2 % and 3 seconds over.

    python benchmarks/budgets.py DATA [DATA ...] --weights DIR --runs 60x8 120x8 300x4
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FRACTION, SECONDS = 0.02, 3.0
"""By how much a search may overrun its budget."""


def searched(data: Path, budget: int, seed: int, workers: int, weights: Path | None, folder: Path) -> tuple[float, str]:
    """The wall clock of one search, and what came of it."""
    run = folder / f"run-{seed}"
    command = [sys.executable, "-m", "autosft", "search", str(data), "--budget", f"{budget}s", "--seed", str(seed)]
    command += ["--workers", str(workers), "--run", str(run), *(["--weights", str(weights)] if weights else [])]
    environment = {**os.environ, "AUTOSFT_CACHE": str(folder / f"cache-{seed}")}
    started = time.monotonic()
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall = time.monotonic() - started
    if ended.returncode:
        return wall, f"exit {ended.returncode}: {ended.stderr.strip().splitlines()[-1]}"
    result = json.loads((run / "result.json").read_text())
    trials = " ".join(f"{count} {state}" for state, count in sorted(result["trials"].items()))
    return wall, f"test {result['test']:.3f}, {trials}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--runs", nargs="+", default=["60x8", "120x8", "300x4"], help="seconds x how many")
    arguments = parser.parse_args()
    budgets = [int(text.split("x")[0]) for text in arguments.runs for _ in range(int(text.split("x")[1]))]
    over: list[float] = []
    failed = 0
    print("| data | budget, s | workers | wall clock, s | over, s | allowed, s | outcome |")
    print("|---|--:|--:|--:|--:|--:|---|", flush=True)
    for seed, (budget, data) in enumerate(zip(budgets, itertools.cycle(arguments.data), strict=False)):
        with tempfile.TemporaryDirectory() as folder:
            workers = 2 if seed % 3 == 2 else 1
            wall, outcome = searched(data, budget, seed, workers, arguments.weights, Path(folder))
        over.append(wall - budget - (FRACTION * budget + SECONDS))
        failed += outcome.startswith("exit")
        allowed = FRACTION * budget + SECONDS
        line = f"| {data.name} | {budget} | {workers} | {wall:.1f} | {wall - budget:+.1f} | {allowed:.1f} | {outcome} |"
        print(line, flush=True)
    broken = sum(excess > 0 for excess in over)
    print(f"\n{len(budgets)} searches: {broken} over what is allowed, {failed} without a result")


if __name__ == "__main__":
    main()

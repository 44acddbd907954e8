"""AutoSFT against the frozen-features baseline on folders of photographs, over several seeds.

Each search and each baseline is a process of its own; `--at-once` searches run side by side. Writes
`OUT/<data>-<seed>/` (the run), `OUT/<data>-<seed>.baseline.json` and `OUT/report.md`: test accuracy of each, wall clock
against the budget, and the paired difference over all test rows with a bootstrap interval (rows are drawn, with all
their seeds together).

    python benchmarks/photographs.py OUT DATA [DATA ...] --weights DIR --budget 300 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from paired import pooled, predictions, search


def answers(data: Path, run: Path) -> dict[str, str]:
    """What the run's bundle says of each test image, by class folder and file name."""
    inputs, said = predictions(run, data / "test")
    return {f"{Path(name).parent.name}/{Path(name).name}": answer for name, answer in zip(inputs, said, strict=True)}


def compare(ours: dict[str, str], theirs: dict[str, str]) -> tuple[list[int], list[int]]:
    """For each test row whether we, and whether they, are right."""
    names = sorted(theirs)
    if missing := set(theirs) ^ set(ours):
        raise SystemExit(f"the two did not answer the same rows: {sorted(missing)[:5]}")
    truth = {name: name.split("/")[0] for name in names}
    return [int(ours[name] == truth[name]) for name in names], [int(theirs[name] == truth[name]) for name in names]


def report(lines: list[str], ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> str:
    """The table and the pooled paired difference; by data set, arrays (seeds, rows)."""
    head = (
        "| data | seed | AutoSFT test | baseline test | AutoSFT's best | baseline's backbone | wall clock / budget | "
        "trials | baseline s |\n|---|--:|--:|--:|---|---|--:|--:|--:|"
    )
    return "\n".join([head, *lines, "", pooled(ours, theirs, "baseline"), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads of each search")
    parser.add_argument("--at-once", type=int, default=1, help="searches side by side")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for data in arguments.data:
        script = Path(__file__).with_name("frozen_features.py")
        options = ["--weights", str(arguments.weights), "--seeds", *map(str, arguments.seeds)]
        if not (arguments.out / f"{data.name}-{arguments.seeds[-1]}.baseline.json").exists():
            subprocess.run([sys.executable, str(script), str(data), str(arguments.out), *options], check=True)

    options = ["--budget", f"{arguments.budget}s", "--threads", str(arguments.threads)]
    options += ["--weights", str(arguments.weights)]

    def one(seed: int, data: Path) -> tuple[Path, str, np.ndarray, np.ndarray]:
        run = arguments.out / f"{data.name}-{seed}"
        wall = search(data, run, [*options, "--seed", str(seed)])
        result = json.loads((run / "result.json").read_text())
        other = json.loads((arguments.out / f"{data.name}-{seed}.baseline.json").read_text())
        ours, theirs = compare(answers(data, run), other["predicted"])
        best = result["best"][0]["recipe"]
        trials = " ".join(f"{count} {state}" for state, count in result["trials"].items())
        line = (
            f"| {data.name} | {seed} | {np.mean(ours):.4f} | {np.mean(theirs):.4f} | {best['strategy']} on "
            f"{best['backbone']} | {other['backbone']} | {wall:.0f} / {arguments.budget} | {trials} | "
            f"{other['seconds']:.0f} |"
        )
        print(line, flush=True)
        return data, line, np.array(ours), np.array(theirs)

    with ThreadPoolExecutor(arguments.at_once) as pool:
        jobs = [pool.submit(one, *pair) for pair in itertools.product(arguments.seeds, arguments.data)]
        done = [job.result() for job in jobs]
    ours, theirs = (
        {data.name: np.array([entry[place] for entry in done if entry[0] == data]) for data in arguments.data}
        for place in (2, 3)
    )
    text = report(sorted(entry[1] for entry in done), ours, theirs)
    (arguments.out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()

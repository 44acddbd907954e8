"""AutoSFT against the frozen-features baseline on folders of photographs, over several seeds; and what parts of its
search are worth.

Each search and each baseline is a process of its own; `--at-once` searches run side by side. With `--without PART ...`
each search is made once more without each of these parts (`without.py` has the list), right after the whole one. Writes
`OUT/<data>-<seed>[-without-<part>]/` (the run) and `.json` beside it (wall clock and answers: what has it is not
searched again), `OUT/<data>-<seed>.baseline.json`, and `OUT/report.md`: test accuracy of each, wall clock against the
budget, and paired differences over test rows with bootstrap intervals (rows are drawn, with all their seeds together).

    python benchmarks/photographs.py OUT DATA [DATA ...] --weights DIR --budget 300 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from paired import interval, pooled, predictions, search
from without import PARTS

HEAD = "| data | seed | without | test | baseline test | answered by | wall clock / budget | trials |"


@dataclass(frozen=True)
class Search:
    """One search: what is left out of it, with which seed, over what data."""

    seed: int
    data: Path
    without: str

    @property
    def name(self) -> str:
        return f"{self.data.name}-{self.seed}" + (f"-without-{self.without}" if self.without else "")

    @property
    def program(self) -> list[str]:
        return [str(Path(__file__).with_name("without.py")), self.without] if self.without else ["-m", "autosft"]


def searched(one: Search, out: Path, options: Sequence[str]) -> tuple[float, dict[str, str]]:
    """The wall clock of a search, and what its bundle says of each test image, by class folder and file name."""
    run, kept = out / one.name, out / f"{one.name}.json"
    if not kept.exists():
        shutil.rmtree(run, ignore_errors=True)  # of a search that was cut off: its wall clock would be that of the rest
        wall = search(one.data, run, [*options, "--seed", str(one.seed)], one.program)
        inputs, said = predictions(run, one.data / "test")
        names = [f"{Path(name).parent.name}/{Path(name).name}" for name in inputs]
        kept.write_text(json.dumps({"wall": wall, "answers": dict(zip(names, said, strict=True))}))
    found = json.loads(kept.read_text())
    return found["wall"], found["answers"]


def right(said: dict[str, str], names: Sequence[str]) -> np.ndarray:
    """Of each row whether it is answered rightly."""
    if other := set(names) ^ set(said):
        raise SystemExit(f"not the same rows were answered: {sorted(other)[:5]}")
    return np.array([float(said[name] == name.split("/")[0]) for name in names])


def summary(title: str, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> list[str]:
    """Paired differences per data set and over all. By data set, arrays (seeds, rows)."""
    lines = ["", f"{title}, points:", "", "| data | rows | difference |", "|---|--:|--:|"]
    for name, rows in ours.items():
        lines.append(f"| {name} | {rows.shape[1]} | {interval((rows - theirs[name]).mean(0))} |")
    errors = [1 - np.concatenate([rows.mean(0) for rows in side.values()]).mean() for side in (ours, theirs)]
    return [
        *lines,
        "",
        pooled(ours, theirs, "the other"),
        f"Errors {errors[0]:.4f} and {errors[1]:.4f}, ratio {errors[0] / errors[1]:.3f}.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--without", nargs="*", choices=PARTS, default=[], help="also search without each of these")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads of each search")
    parser.add_argument("--at-once", type=int, default=1, help="searches side by side")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    for data in arguments.data:
        script = Path(__file__).with_name("frozen_features.py")
        options = ["--weights", str(arguments.weights), "--seeds", *map(str, arguments.seeds)]
        if not (out / f"{data.name}-{arguments.seeds[-1]}.baseline.json").exists():
            subprocess.run([sys.executable, str(script), str(data), str(out), *options], check=True)

    options = ["--budget", f"{arguments.budget}s", "--threads", str(arguments.threads)]
    options += ["--weights", str(arguments.weights)]

    def row(one: Search) -> tuple[Search, str, np.ndarray, np.ndarray]:
        wall, said = searched(one, out, options)
        result = json.loads((out / one.name / "result.json").read_text())
        other = json.loads((out / f"{one.data.name}-{one.seed}.baseline.json").read_text())["predicted"]
        ours, theirs = (right(answers, sorted(other)) for answers in (said, other))
        members = [f"{best['recipe']['strategy']} on {best['recipe']['backbone']}" for best in result["best"]]
        trials = " ".join(f"{count} {state}" for state, count in result["trials"].items())
        line = (
            f"| {one.data.name} | {one.seed} | {one.without} | {ours.mean():.4f} | {theirs.mean():.4f} | "
            f"{', '.join(members)} | {wall:.0f} / {arguments.budget} | {trials} |"
        )
        print(line, flush=True)
        return one, line, ours, theirs

    with ThreadPoolExecutor(arguments.at_once) as pool:
        order = itertools.product(arguments.seeds, arguments.data, ["", *arguments.without])
        done = list(pool.map(row, itertools.starmap(Search, order)))
    names = [data.name for data in arguments.data]

    def rows(without: str, place: int) -> dict[str, np.ndarray]:
        return {
            name: np.stack([row[place] for row in done if row[0].data.name == name and row[0].without == without])
            for name in names
        }

    lines = [HEAD, "|---|--:|---|--:|--:|---|--:|---|", *sorted(row[1] for row in done)]
    lines += summary("AutoSFT minus baseline", rows("", 2), rows("", 3))
    for part in arguments.without:
        lines += summary(f"AutoSFT minus itself without {part}", rows("", 2), rows(part, 2))
    text = "\n".join([*lines, ""])
    (out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()

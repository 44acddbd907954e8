"""AutoSFT against the frozen-features baseline on folders of photographs, over several seeds; and what parts of its
search are worth.

Each search and each baseline is a process of its own; `--at-once` searches run side by side. With `--without PART ...`
each search is made once more without each of these parts (`without.py` has the list), right after the whole one. Writes
`OUT/<data>-<seed>[-without-<part>]/` (the run, which may be deleted) and `.json` beside it (wall clock, answers and who
gives them: what has it is not searched again), `OUT/<data>-<seed>.baseline.json`, and `OUT/report.md`: test accuracy of
each, wall clock against the budget, and paired differences over test rows with bootstrap intervals (rows are drawn,
with all their seeds together).

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
from typing import Any

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


@dataclass(frozen=True)
class Compared:
    """A search: its line in the report, and of each test row whether it and the baseline answered rightly."""

    search: Search
    line: str
    ours: np.ndarray
    theirs: np.ndarray


def searched(one: Search, out: Path, options: Sequence[str]) -> dict[str, Any]:
    """The wall clock of a search, the records of its bundle's members, how its trials ended, and what the bundle says
    of each test image, by class folder and file name."""
    run, kept = out / one.name, out / f"{one.name}.json"
    if not kept.exists():
        if run.exists():  # of a search that was cut off: its wall clock would be that of the rest
            shutil.rmtree(run)
        wall = search(one.data, run, [*options, "--seed", str(one.seed)], one.program)
        inputs, said = predictions(run, one.data / "test")
        names = [f"{Path(name).parent.name}/{Path(name).name}" for name in inputs]
        result = json.loads((run / "result.json").read_text())
        found = {"wall": wall, **{name: result[name] for name in ("best", "trials")}}
        kept.write_text(json.dumps({**found, "answers": dict(zip(names, said, strict=True))}))
    return json.loads(kept.read_text())


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


def given() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--without", nargs="*", choices=PARTS, default=[], help="also search without each of these")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads of each search")
    parser.add_argument("--at-once", type=int, default=1, help="searches side by side")
    return parser.parse_args()


def baseline(data: Path, arguments: argparse.Namespace) -> None:
    """Make the baseline of all seeds, if it is not there."""
    script = Path(__file__).with_name("frozen_features.py")
    options = ["--weights", str(arguments.weights), "--seeds", *map(str, arguments.seeds)]
    if not (arguments.out / f"{data.name}-{arguments.seeds[-1]}.baseline.json").exists():
        subprocess.run([sys.executable, str(script), str(data), str(arguments.out), *options], check=True)


def compared(one: Search, arguments: argparse.Namespace) -> Compared:
    """A search, and the baseline with its seed."""
    out: Path = arguments.out
    options = ["--budget", f"{arguments.budget}s", "--threads", str(arguments.threads)]
    found = searched(one, out, [*options, "--weights", str(arguments.weights)])
    other = json.loads((out / f"{one.data.name}-{one.seed}.baseline.json").read_text())["predicted"]
    ours, theirs = (right(answers, sorted(other)) for answers in (found["answers"], other))
    members = [f"{best['recipe']['strategy']} on {best['recipe']['backbone']}" for best in found["best"]]
    trials = " ".join(f"{count} {state}" for state, count in found["trials"].items())
    line = (
        f"| {one.data.name} | {one.seed} | {one.without} | {ours.mean():.4f} | {theirs.mean():.4f} | "
        f"{', '.join(members)} | {found['wall']:.0f} / {arguments.budget} | {trials} |"
    )
    print(line, flush=True)
    return Compared(one, line, ours, theirs)


def report(done: Sequence[Compared], parts: Sequence[str]) -> str:
    """All searches, and what the whole ones are worth beside the baseline and beside themselves without some parts."""

    def rows(without: str, side: str) -> dict[str, np.ndarray]:
        found: dict[str, list[np.ndarray]] = {}
        for one in done:
            if one.search.without == without:
                found.setdefault(one.search.data.name, []).append(getattr(one, side))
        return {name: np.stack(seeds) for name, seeds in found.items()}

    lines = [HEAD, "|---|--:|---|--:|--:|---|--:|---|", *sorted(one.line for one in done)]
    lines += summary("AutoSFT minus baseline", rows("", "ours"), rows("", "theirs"))
    for part in parts:
        lines += summary(f"AutoSFT minus itself without {part}", rows("", "ours"), rows(part, "ours"))
    return "\n".join([*lines, ""])


def main() -> None:
    arguments = given()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for data in arguments.data:
        baseline(data, arguments)
    order = itertools.product(arguments.seeds, arguments.data, ["", *arguments.without])
    with ThreadPoolExecutor(arguments.at_once) as pool:
        done = list(pool.map(lambda one: compared(Search(*one), arguments), order))
    text = report(done, arguments.without)
    (arguments.out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()

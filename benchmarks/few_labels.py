"""Are rows without labels worth having? A search with them against the same search without, on a few labels a class.

The rows without labels are the set's other training rows, and its own folder of such, if it has one. One search at a
time, an empty cache each. Writes `OUT/<cut>.with.json` and `OUT/<cut>.without.json` (what is there is not made again),
and `OUT/report.with.md`: accuracy, who answers, paired differences with 95 % bootstrap intervals over test rows, and
the pooled ratio of errors. With `--foreign`, half of the rows without labels are of another set: do they do harm?

    python benchmarks/few_labels.py OUT --data DIR --weights DIR --budget 300 --draws 0 1 [--only agnews4 ...]
    python benchmarks/few_labels.py OUT --data DIR --weights DIR --foreign --draws 0 1
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from baselines import answers, right
from floors import Cut
from paired import interval, search

CUTS = (
    *(("cifar10_small", "", 10), ("clothing10", "", 5), ("agnews4", "", 8), ("sst2", "", 8)),
    *(("banking77", "", 4), ("goemotions", "", 200), ("esc10", "", 3), ("fsdd", "digit", 2)),
)
"""Data set, target, and labelled rows of each class; of goemotions, whose rows have several labels, in all."""

MOST = 2400
"""So many rows without labels at most."""

FOREIGN = {
    "cifar10_small": ("clothing10", "ants_bees", "tile_defects"),
    "agnews4": ("sst2",),
    "sst2": ("agnews4",),
    "esc10": ("fsdd",),
}
"""For some sets others of their modality, with other classes."""


@dataclass(frozen=True)
class FewLabels(Cut):
    """A cut, and the rows that it leaves without labels."""

    def chosen(self) -> np.ndarray:
        """The positions of the labelled rows."""
        if not self.several:
            return super().chosen()
        return np.sort(np.random.default_rng(self.draw).permutation(len(self.rows("train")[1]))[: self.shots])

    def others(self) -> list[Any]:
        """The samples of the other training rows, and of the set's own folder of such without labels."""
        samples, labels = self.rows("train")
        left = np.setdiff1d(np.arange(len(labels)), self.chosen())
        left = np.sort(np.random.default_rng(self.draw).permutation(left)[:MOST])
        return [*(samples[place] for place in left), *sorted((self.path / "unlabelled").rglob("*.*"))][:MOST]

    def write_others(self, folder: Path, *, foreign: bool) -> Path:
        """A table, or a folder of links, with these; or with half of them, and as many of another set."""
        samples = self.others()
        if foreign:
            targets = {name: target for name, target, _ in CUTS}
            sets = [FewLabels(self.path.parent / one, targets.get(one, ""), 1) for one in FOREIGN[self.path.name]]
            more = [sample for one in sets for sample in one.others()]
            half = min(len(samples) // 2, len(more))
            samples = [*samples[:half], *more[:half]]
        if not isinstance(samples[0], Path):
            with folder.with_suffix(".csv").open("w", newline="", encoding="utf-8") as stream:
                csv.writer(stream).writerows([("text",), *((sample,) for sample in samples)])
            return folder.with_suffix(".csv")
        folder.mkdir(parents=True)
        for number, path in enumerate(samples):
            (folder / f"{number}{path.suffix}").symlink_to(path.resolve())
        return folder


def searched(cut: FewLabels, out: Path, budget: int, weights: Sequence[Path], kind: str) -> dict[str, Any]:
    """The wall clock of a search, who answers, what it says of each test row, and its trials' records.

    The kind says of the rows without labels: `"with"`, `"without"` or `"foreign"`.
    """
    kept = out / f"{cut.name}.{kind}.json"
    if not kept.exists():
        run, folder = out / "run", out / "cut"
        for old in (run, folder):
            shutil.rmtree(old, ignore_errors=True)
        data = cut.write(folder / cut.path.name)
        options = ["--budget", f"{budget}s", *(word for one in weights for word in ("--weights", str(one)))]
        options += ["--target", cut.target] if cut.target else []
        if kind != "without":
            options += ["--unlabeled", str(cut.write_others(folder / "others", foreign=kind == "foreign"))]
        wall = search(data, run, options)
        result = json.loads((run / "result.json").read_text())
        found = {"wall": wall, **{name: result[name] for name in ("best", "weights", "trials", "valid", "test")}}
        found["answers"] = answers(cut, run)
        found["records"] = [json.loads(path.read_text()) for path in sorted(run.glob("trials/*/record.json"))]
        found["log"] = (out / "run.log").read_text()[-4000:]
        kept.write_text(json.dumps(found, indent=1))
        for old in (run, folder):
            shutil.rmtree(old, ignore_errors=True)
    return json.loads(kept.read_text())


def report(done: Mapping[FewLabels, tuple[dict[str, Any], dict[str, Any]]]) -> str:
    """All cuts, and what they are worth together."""
    head = "| cut: labels, draw | labelled | test rows | with | without | difference, points | answered by | wall, s |"
    lines = [head, "|---|--:|--:|--:|--:|--:|---|--:|"]
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for cut, (more, less) in done.items():
        ours, theirs = (right(cut, found["answers"]) for found in (more, less))
        rows.append((ours, theirs))
        members = ", ".join(
            f"{one['recipe']['strategy']} on {one['recipe']['backbone'].rpartition('/')[2]}" for one in more["best"]
        )
        lines.append(
            f"| {cut.name} | {len(cut.chosen())} | {len(ours)} | {ours.mean():.3f} | {theirs.mean():.3f} | "
            f"{interval(ours - theirs)} | {members} | {more['wall']:.0f}, {less['wall']:.0f} |"
        )
    errors = [1 - np.concatenate([pair[side] for pair in rows]).mean() for side in (0, 1)]
    by_cut = [1 - np.mean([pair[side].mean() for pair in rows]) for side in (0, 1)]
    lines.append(
        f"\nError {errors[0]:.4f} of {errors[1]:.4f} where every test row counts alike, a ratio of "
        f"{errors[0] / errors[1]:.3f}; {by_cut[0]:.4f} of {by_cut[1]:.4f}, {by_cut[0] / by_cut[1]:.3f}, where every "
        f"cut does; {interval(np.concatenate([ours - theirs for ours, theirs in rows]))} points.\n"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="folders, as for autosft search")
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--foreign", action="store_true", help="half of the rows without labels are of another set")
    parser.add_argument("--only", nargs="*", default=[], help="names that contain one of these alone")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    done: dict[FewLabels, tuple[dict[str, Any], dict[str, Any]]] = {}
    for draw in arguments.draws:
        for name, target, shots in CUTS:
            cut = FewLabels(arguments.data / name, target, shots, draw)
            unasked = arguments.only and not any(part in cut.name for part in arguments.only)
            if unasked or (arguments.foreign and name not in FOREIGN):
                continue
            kinds = "foreign" if arguments.foreign else "with", "without"
            pair = [searched(cut, arguments.out, arguments.budget, arguments.weights, kind) for kind in kinds]
            done[cut] = pair[0], pair[1]
            text = report(done)
            (arguments.out / f"report.{kinds[0]}.md").write_text(text)
            print(text.splitlines()[-3], flush=True)
    print(report(done))


if __name__ == "__main__":
    main()

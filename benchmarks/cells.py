"""Which cell types are in a picture, and how many red cells: several labels and a number, from a table of paths.

The data is a folder with `images/` and Pascal VOC `annotations/` below `train/` and `test/`. From the annotations a
table per split is made: the path, the types joined by `|`, and the count of one type. AutoSFT searches both targets;
beside it stands the constant answer of the training rows: the most frequent set of types, the mean count.

    python benchmarks/cells.py OUT DATA --counted RBC --weights DIR --budget 120
"""

from __future__ import annotations

import argparse
import csv
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import numpy as np
from paired import predictions, search

COLUMNS = ("path", "types", "count")


def rows_of(folder: Path, counted: str) -> list[tuple[Path, str, int]]:
    """Path, types and count of each annotated picture of a split."""
    rows: list[tuple[Path, str, int]] = []
    for file in sorted((folder / "annotations").glob("*.xml")):
        names = Counter(entry.findtext("name", "") for entry in ElementTree.parse(file).iter("object"))
        picture = next((folder / "images").glob(f"{file.stem}.*")).absolute()
        rows.append((picture, "|".join(sorted(names)), names[counted]))
    return rows


def write_tables(out: Path, data: Path, counted: str) -> dict[str, list[tuple[Path, str, int]]]:
    """`train.csv` and `test.csv`, as a user would make them from such annotations."""
    tables = {split: rows_of(data / split, counted) for split in ("train", "test")}
    out.mkdir(parents=True, exist_ok=True)
    for split, rows in tables.items():
        with (out / f"{split}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([COLUMNS, *rows])
    return tables


def f1_micro(truth: list[set[str]], said: list[set[str]]) -> float:
    hits = sum(len(one & other) for one, other in zip(truth, said, strict=True))
    return 2 * hits / max(1, sum(map(len, truth)) + sum(map(len, said)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--counted", default="RBC", help="the type whose cells are counted")
    parser.add_argument("--weights", nargs="*", default=[], help="folders of weights, as for autosft search")
    parser.add_argument("--budget", type=int, default=120)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    tables = write_tables(arguments.out / "table", arguments.data, arguments.counted)
    train, test = tables["train"], tables["test"]
    weights = [word for folder in arguments.weights for word in ("--weights", folder)]
    options = ["--budget", f"{arguments.budget}s", "--threads", str(arguments.threads), *weights]

    run = arguments.out / "types"
    wall = search(arguments.out / "table", run, [*options, "--target", "types"])
    truth = [set(types.split("|")) for _, types, _ in test]
    said = [set(filter(None, one.split(";"))) for one in predictions(run, arguments.out / "table" / "test.csv")[1]]
    usual = [set(Counter(types for _, types, _ in train).most_common(1)[0][0].split("|"))] * len(test)
    print(f"types, {len(train)} and {len(test)} pictures, {wall:.0f} of {arguments.budget} s")
    print(f"  F1 over all labels: AutoSFT {f1_micro(truth, said):.4f}, constant {f1_micro(truth, usual):.4f}")
    for name in sorted(set.union(*truth)):
        right = [np.mean([(name in one) == (name in other) for one, other in zip(truth, some, strict=True)])
                 for some in (said, usual)]  # fmt: skip
        print(f"  {name}: AutoSFT right in {right[0]:.4f}, constant in {right[1]:.4f}")

    run = arguments.out / "count"
    wall = search(arguments.out / "table", run, [*options, "--target", "count", "--problem", "regression"])
    counts = np.array([count for _, _, count in test])
    said = np.array([float(one) for one in predictions(run, arguments.out / "table" / "test.csv")[1]])
    mean = np.mean([count for _, _, count in train])
    print(f"count of {arguments.counted}, {wall:.0f} of {arguments.budget} s")
    errors = [np.abs(answer - counts).mean() for answer in (said, mean)]
    print(f"  mean absolute error: AutoSFT {errors[0]:.2f}, constant {errors[1]:.2f}")


if __name__ == "__main__":
    main()

"""Does a knob of the recipe pay by itself? A strategy's default recipe, and the same with one thing changed.

Each is trained on the same rows for the same epochs and scored on others that a search would hold out, as in
`first_recipes.py`; the best epoch counts. Every training is a line of `OUT` (JSON); what is there is not made again.
Then a table: what each change is worth in points of the score and in validation loss, the mean over data and seeds of
the paired differences, with its standard error, and the mean on each set.

    python benchmarks/knobs.py OUT DATA [DATA ...] --weights DIR --rows 400 --epochs 6 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from first_recipes import Setting

from autosft.contracts.space import Value
from autosft.host.loading import load

CHANGES: Mapping[str, Mapping[str, Value]] = {
    "rate × 3": {"optim.lr": 3.0, "optim.head_lr": 3.0},
    "rate ÷ 3": {"optim.lr": 1 / 3, "optim.head_lr": 1 / 3},
    "weight_decay 1e-4": {"optim.weight_decay": 1e-4},
    "weight_decay 0.3": {"optim.weight_decay": 0.3},
    "l1 0.01": {"optim.l1": 0.01},
    "l2_sp 3": {"optim.l2_sp": 3.0},
    "warmup 0": {"optim.warmup": 0.0},
    "schedule constant": {"optim.schedule": "constant"},
    "layer_decay 0.7": {"optim.layer_decay": 0.7},
    "layer_decay 1": {"optim.layer_decay": 1.0},
    "batch_size 16": {"optim.batch_size": 16},
    "batch_size 64": {"optim.batch_size": 64},
    "clip 0": {"optim.clip": 0.0},
    "ema 0.999": {"optim.ema": 0.999},
    "dropout 0.3": {"regular.dropout": 0.3},
    "drop_path 0.1": {"regular.drop_path": 0.1},
    "norm_statistics batch": {"regular.norm_statistics": "batch"},
    "label_smoothing 0.1": {"regular.label_smoothing": 0.1},
    "mixup 0.2": {"regular.mixup": 0.2},
    "mixup 0.8": {"regular.mixup": 0.8},
    "cutmix 1": {"regular.cutmix": 1.0},
    "augment light": {"regular.augment": "light"},
    "augment strong": {"regular.augment": "strong"},
    "augment strong, RandAugment": {"regular.augment": "strong", "image.policy": "randaugment"},
    "augment light, cutmix 1": {"regular.augment": "light", "regular.cutmix": 1.0},
    "focal loss": {"classification.loss": "focal"},
    "balance loss": {"regular.balance": "loss"},
    "balance sampling": {"regular.balance": "sampling"},
}
"""Rates are factors of the default."""

RATES = ("optim.lr", "optim.head_lr")
DEFAULT = ""
ALIKE = ("backbone", "strategy", "metric", "rows", "held_out", "epochs", "resolution")
"""Options of which each training knows what they were; a table is of one choice of them."""


def changes_for(setting: Setting, change: str, strategy: str) -> dict[str, Value] | None:
    """The recipe's changes; None where something in it means nothing to the data, its score or the encoder."""
    space = setting.space(strategy)
    found: dict[str, Value] = {}
    for name, value in CHANGES[change].items() if change else ():
        key = next((known for known in space if known == name or known.endswith(f".{name}")), None)
        if key is None:
            return None
        found[key] = float(value) * float(space[key].default) if name in RATES else value
    return found


def trained(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All trainings, those that were there included."""
    lines = arguments.out.read_text().splitlines() if arguments.out.exists() else []
    done = [json.loads(line) for line in lines]
    there = {key_of(one) for one in done}
    alike = {name: getattr(arguments, name) for name in ALIKE}
    registry = load()
    for path in arguments.data:
        setting = Setting(registry, path, arguments.weights, arguments.backbone, arguments.metric)
        for seed in arguments.seeds:
            for change in [DEFAULT, *(arguments.change or CHANGES)]:
                changes = changes_for(setting, change, arguments.strategy)
                asked = {"data": path.name, "seed": seed, "change": change, **alike}
                if changes is None or key_of(asked) in there:
                    continue
                own = {"image.resolution": arguments.resolution} if "image.resolution" in setting.space("full") else {}
                found = setting.run(seed, {"stop.patience": arguments.epochs, **own, **changes}, arguments)
                done.append({**found, **asked})
                with arguments.out.open("a") as stream:
                    stream.write(json.dumps(done[-1]) + "\n")
                print(json.dumps(done[-1]), flush=True)
    return [one for one in done if all(one[name] == value for name, value in alike.items())]


def key_of(one: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes a training another one."""
    return tuple(one[name] for name in ("data", "seed", "change", *ALIKE))


def table(done: list[dict[str, Any]]) -> str:
    """Markdown."""
    names = list(dict.fromkeys(one["data"] for one in done))
    by = {(one["data"], one["seed"], one["change"]): one for one in done}
    default = {name: [one["best"] for one in done if (one["data"], one["change"]) == (name, DEFAULT)] for name in names}
    heads = " | ".join(f"{name} ({np.mean(scores):.3f})" for name, scores in default.items())
    lines = [f"| change | trainings | points | loss | {heads} |", "|---|--:|--:|--:|" + "--:|" * len(names)]
    for change in CHANGES:
        pairs = [(one, by[one["data"], one["seed"], DEFAULT]) for one in done if one["change"] == change]
        if not pairs:
            continue
        points = {name: [100 * (a["best"] - b["best"]) for a, b in pairs if a["data"] == name] for name in names}
        losses = [a["loss"] - b["loss"] for a, b in pairs]
        own = " | ".join(f"{np.mean(some):+.1f}" if some else "" for some in points.values())
        total = [one for some in points.values() for one in some]
        lines.append(f"| {change} | {len(pairs)} | {_mean(total, 1)} | {_mean(losses, 3)} | {own} |")
    return "\n".join(lines)


def _mean(values: list[float], digits: int) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):+.{digits}f} ± {error:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--backbone", default="*")
    parser.add_argument("--strategy", default="full")
    parser.add_argument("--metric", default="")
    parser.add_argument("--change", action="append", choices=CHANGES, help="several times; by default all")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--held-out", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--resolution", type=float, default=0.5, help="of images, where there is a choice")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(table(trained(arguments)))


if __name__ == "__main__":
    main()

"""How to use a run's model and how to search again: commands, as a shell takes them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from autosft.report.saved_run import SavedRun

_USUAL = {
    "budget": 600.0,
    "seed": 0,
    "device": "auto",
    "precision": "auto",
    "workers": 1,
    "processes_per_trial": 1,
    "executor": "processes",
    "disk": 20.0,
}
"""Settings that need not be said."""

_LISTED = ("backbones", "strategies")


def commands(saved_run: SavedRun) -> Sequence[tuple[str, str]]:
    """What each command does, and the command. A search of a task that only a program knew has none."""
    folder = shlex.quote(str(saved_run.folder))
    found: list[tuple[str, str]] = []
    if saved_run.result:
        named = "".join(f" -p {shlex.quote(module)}" for module in saved_run.plugins)
        found.append(("Answer for new data", f"autosft predict {folder} FILES --out answers.csv{named}"))
    if saved_run.source:
        found.append(("Search again, with the same data, settings and seed", shlex.join(_search(saved_run))))
    return found


def _search(saved_run: SavedRun) -> list[str]:
    hints, spec = saved_run.hints, saved_run.spec
    metrics = [target.metric for target in saved_run.task.targets]
    words = [
        "autosft",
        "search",
        saved_run.source,
        "--modality",
        saved_run.task.modality,
        "--metric",
        ",".join(metrics),
    ]
    words += [word for name in hints.targets for word in ("--target", name)]
    words += [word for name in hints.inputs for word in ("--inputs", name)]
    words += ["--problem", hints.problem] if hints.problem else []
    words += [word for path in hints.unlabeled for word in ("--unlabeled", path)]
    words += [word for role, column in hints.roles.items() for word in (f"--{role}", column)]
    for name, usual in _USUAL.items():
        if spec[name] != usual:
            words += [f"--{name.replace('_', '-')}", _written(name, spec[name])]
    words += ["--threads", str(spec["threads"])]
    words += ["--trials", str(spec["trials"])] if spec["trials"] else []
    words += [word for name in _LISTED if spec[name] for word in (f"--{name}", ",".join(spec[name]))]
    words += [word for folder in spec["weights"] for word in ("--weights", folder)]
    words += [word for setting in saved_run.settings for word in ("--set", setting)]
    words += [word for module in saved_run.plugins for word in ("-p", module)]
    words += [] if spec["hold_out_test"] else ["--no-hold-out-test"]
    words += ["--storage", spec["storage"]] if spec["storage"] else []
    words += [f"--{name}" for name in ("single", "compile", "transductive") if spec[name]]
    return [*words, "--run", "runs/again"]


def _written(name: str, value: Any) -> str:
    number = f"{value:.15g}" if isinstance(value, float) else str(value)
    if name == "budget":
        return "none" if value is None else f"{number}s"
    return number

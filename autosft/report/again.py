"""How to use a run's model and how to search again: commands, as a shell takes them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autosft.report.account import Account

_USUAL = {
    "budget": 600.0,
    "seed": 0,
    "device": "auto",
    "precision": "auto",
    "workers": 1,
    "executor": "processes",
    "disk": 20.0,
}
"""Settings that need not be said."""

_LISTED = ("backbones", "strategies")


def commands(account: Account) -> Sequence[tuple[str, str]]:
    """What each command does, and the command."""
    folder = shlex.quote(str(account.folder))
    found = [("Search again, with the same data, settings and seed", shlex.join(_search(account)))]
    if account.result:
        found.insert(0, ("Answer for new data", f"autosft predict {folder} FILES --out answers.csv"))
    return found


def _search(account: Account) -> list[str]:
    task, spec = account.task, account.spec
    words = ["autosft", "search", _path(task.data) or "DATA"]
    words += ["--modality", task.modality, "--problem", task.problems[0], "--metric", task.metric]
    columns = [name for one in task.targets for name in ((one,) if isinstance(one, str) else one)]
    if columns != ["label"]:
        words += [word for name in columns for word in ("--target", name)]
    for name, usual in _USUAL.items():
        if spec[name] != usual:
            words += [f"--{name}", _written(name, spec[name])]
    words += ["--threads", str(spec["threads"])]
    words += ["--trials", str(spec["trials"])] if spec["trials"] else []
    words += [word for name in _LISTED if spec[name] for word in (f"--{name}", ",".join(spec[name]))]
    words += [word for folder in spec["weights"] for word in ("--weights", folder)]
    words += [] if spec["hold_out_test"] else ["--no-hold-out-test"]
    words += ["--storage", spec["storage"]] if spec["storage"] else []
    words += [f"--{name}" for name in ("single", "compile") if spec[name]]
    words += [word for role, column in task.roles.items() for word in (f"--{role}", column)]
    return [*words, "--run", "runs/again"]


def _written(name: str, value: Any) -> str:
    if name == "budget":
        return "none" if value is None else f"{value:g}s"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _path(data: Any) -> str:
    """Where a task's data lies: the first path in the modality's table."""
    paths = [value for value in data.values() if isinstance(value, str) and Path(value).is_absolute()]
    return paths[0] if paths else ""

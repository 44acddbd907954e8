"""`SavedRun`: what a run's folder says, from its JSON. It needs neither the plugins nor the libraries of the run."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from autosft.contracts.backbone import BackboneInfo, WeightFile
from autosft.contracts.document import check_schema
from autosft.contracts.outputs import SOUP, TEST_OUTPUTS, StoredOutputs
from autosft.contracts.record import RUN_SCHEMA, Record, Result
from autosft.contracts.rows import Rows
from autosft.contracts.settings import words_of
from autosft.contracts.task import Hints, Task
from autosft.data.arrow import read_data
from autosft.errors import BadInput

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class SavedRun:
    """A run, as its folder tells it.

    Attributes:
        folder: The run's folder.
        source: The path of the data, as the user gave it; empty where a task was given.
        hints: What the user said of the data.
        task: What was to be solved.
        spec: The settings of the search, as plain data.
        plugins: The modules that were named beside the installed plugins.
        backbones: What the search might try, by name, with its weights.
        left_out: Backbones that could not be tried, and why.
        facts, warnings: What the user was told of the data.
        versions: Distributions and their versions.
        fingerprint: sha256 over the rows and their splits.
        records: Every trial that has ended or paused, best first.
        result: The outcome; None while the search is not finished.
        rows: Every row with a target, in its split.
        valid_is_predefined: Whether the data itself said which rows validate; then no model was trained on them.
        unlabeled: How many rows have none.
        skipped: What could not be used: file and reason.
        seconds: What the search has used so far.
    """

    folder: Path
    source: str
    hints: Hints
    task: Task
    spec: Plain
    plugins: tuple[str, ...]
    backbones: Mapping[str, tuple[BackboneInfo, WeightFile | None]]
    left_out: Mapping[str, str]
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    versions: Mapping[str, str]
    fingerprint: str
    records: tuple[Record, ...]
    result: Result | None
    rows: Rows
    valid_is_predefined: bool
    unlabeled: int
    skipped: tuple[tuple[str, str], ...]
    seconds: float

    @property
    def metric(self) -> str:
        """The score that was searched, in words."""
        return self.task.score_name

    @property
    def settings(self) -> tuple[str, ...]:
        """The parameters that the user fixed or narrowed, as they are written on the command line."""
        return tuple(words_of(self.spec.get("settings", {})))

    @property
    def scored(self) -> tuple[Record, ...]:
        """The trials with a score, best first."""
        return tuple(record for record in self.records if record.score is not None and record.order()[1] < float("inf"))

    @property
    def chosen(self) -> tuple[Record, ...]:
        """The trials in the bundle, that with the largest weight first; while there is none, the best trial."""
        return self.result.best if self.result else self.scored[:1]

    @property
    def crossed(self) -> bool:
        """Whether all trials in `chosen` were cross-validated: then they answered training rows too, out of fold."""
        return bool(self.chosen) and all(record.split_score is not None for record in self.chosen)

    @property
    def valid(self) -> Rows:
        """The validation rows."""
        return self.rows.take(self.rows.split == "valid")

    def outputs(self, record: Record) -> StoredOutputs | None:
        """What a trial, or a soup, answered on the validation rows, if that was stored.

        Raises:
            BadInput: It is damaged.
        """
        return self._stored(self.folder / "trials" / f"{record.number:04d}" / (SOUP if record.ingredients else ""))

    def test_outputs(self) -> StoredOutputs | None:
        """What the model answered on the test rows that were scored, if that was stored.

        Raises:
            BadInput: It is damaged.
        """
        return self._stored(self.folder / TEST_OUTPUTS) if self.result and self.result.test is not None else None

    def _stored(self, folder: Path) -> StoredOutputs | None:
        return StoredOutputs.read(folder, self.rows.columns) if StoredOutputs.is_there(folder) else None


def read_saved_run(folder: Path) -> SavedRun:
    """Read a run's folder.

    Raises:
        BadInput: The folder is no run, or a file of it is damaged.
    """
    if not (folder / "run.json").exists():
        raise BadInput(f"{folder}: no run here (run.json is missing). Give the folder that `autosft search` named.")
    run = _json(folder / "run.json")
    check_schema(run, RUN_SCHEMA, folder / "run.json")
    data = read_data(folder / "data.arrow")
    records = [Record.read(path) for path in sorted((folder / "trials").glob("*/record.json"))]
    result, clock = folder / "result.json", folder / "clock.json"
    try:
        return SavedRun(
            folder=folder,
            source=run["source"],
            hints=Hints(**run["hints"]),
            task=Task.parse(run["task"], f"{folder / 'run.json'}, task"),
            spec=run["spec"],
            plugins=tuple(run.get("plugins", ())),
            backbones=dict(_backbone(plain, folder / "run.json") for plain in run["plan"]["candidates"]),
            left_out=run["plan"]["left_out"],
            facts=tuple(run["facts"]),
            warnings=tuple(run["warnings"]),
            versions=run["versions"],
            fingerprint=run["fingerprint"],
            records=tuple(sorted(records, key=Record.order)),
            result=Result.read(result) if result.exists() else None,
            rows=data.labelled,
            valid_is_predefined=data.valid_is_predefined,
            unlabeled=len(data.unlabeled),
            skipped=_skipped(folder / "skipped.csv"),
            seconds=float(_json(clock)["seconds"]) if clock.exists() else 0.0,
        )
    except (KeyError, TypeError) as error:
        raise BadInput(f"{folder}: run.json is damaged, or of another version ({error!r}).") from error


def _backbone(plain: Plain, path: Path) -> tuple[str, tuple[BackboneInfo, WeightFile | None]]:
    info = BackboneInfo.parse(plain["info"], f"{path}, plan")
    weights = WeightFile.parse(plain["weights"], f"{path}, plan") if plain["weights"] else None
    return info.name, (info, weights)


def _json(path: Path) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read ({error}).") from error


def _skipped(path: Path) -> tuple[tuple[str, str], ...]:
    if not path.exists():
        return ()
    with path.open(newline="", encoding="utf-8") as stream:
        return tuple((row["file"], row["reason"]) for row in csv.DictReader(stream))

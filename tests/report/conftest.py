"""Folders of runs, made by hand from the values that a search writes; no model is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.backbone import BackboneInfo, Inputs, WeightFile
from autosft.contracts.outputs import TEST_OUTPUTS, StoredOutputs
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Epoch, Record, Result
from autosft.contracts.rows import Data, Row, Rows
from autosft.contracts.task import Task, TaskTarget
from autosft.data.arrow import write_data
from autosft.report.diagnosis.sections import ClassesSection, LabelsSection, NumbersSection
from autosft.report.page import write_report
from autosft.report.saved_run import SavedRun, read_saved_run
from autosft.runs.plan import Candidate, Plan
from autosft.runs.run import RunDocument
from autosft.runs.spec import SearchSpec
from autosft.testing.toy import ToyModality

PROBLEMS: dict[str, Problem] = {one.name: one for one in (Classification(), MultiLabel(), Regression())}
SECTIONS = (ClassesSection(), LabelsSection(), NumbersSection())
WIDE, NARROW = "tiny/wide", "tiny/narrow"


@dataclass
class Story:
    """A run to be written. Rows are numbered through the splits: training, validation, test."""

    folder: Path
    targets: list[Any]
    problem: str = "classification"
    metric: str = "accuracy"
    train: int = 20
    valid: int = 20
    records: list[Record] = field(default_factory=list)
    answers: dict[int, np.ndarray] = field(default_factory=dict)
    test_outputs: np.ndarray | None = None
    result: dict[str, Any] | None = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    valid_is_predefined: bool = False

    @property
    def splits(self) -> list[str]:
        tests = len(self.targets) - self.train - self.valid
        return ["train"] * self.train + ["valid"] * self.valid + ["test"] * tests

    @property
    def rows(self) -> Rows:
        pairs = zip(self.targets, self.splits, strict=True)
        return Rows.of(Row(f"row-{n}", [float(n), 0.0], (target,), split) for n, (target, split) in enumerate(pairs))

    def trial(self, score=None, **fields) -> Record:
        number = len(self.records)
        recipe = fields.pop("recipe", Recipe(backbone=WIDE if number % 2 else NARROW, strategy="toy", seed=number))
        usual = {"state": "done" if score is not None else "failed", "seconds": 1.5, "ended": 2.0 + 2 * number}
        self.records.append(Record(number=number, recipe=recipe, score=score, **{**usual, **fields}))
        return self.records[-1]

    def write(self) -> SavedRun:
        weights = WeightFile(source="a folder", license="MIT")
        infos = [
            BackboneInfo(name=name, inputs=Inputs(kind="points"), pretrained={"hub": "x"}) for name in (WIDE, NARROW)
        ]
        candidates = tuple(Candidate(info=info, weights=weights, strategies=("toy",)) for info in infos)
        task = Task(
            name="clouds",
            modality="points",
            data={"file": "/x"},
            targets=(TaskTarget(problem=self.problem, metric=self.metric),),
        )
        RunDocument(
            source="/x",
            task=task,
            spec=SearchSpec(budget=60.0),
            plan=Plan(candidates=candidates, left_out={"tiny/huge": "no weights at hand"}),
            fingerprint="f" * 64,
            facts=("some rows",),
            warnings=self.warnings,
            versions={"autosft": "0.1.0", "autosft-toy": "1.0"},
        ).write(self.folder / "run.json")
        rows = self.rows
        write_data(
            self.folder / "data.arrow", Data.of(rows, Rows.of(()), self.valid_is_predefined, fingerprint="f" * 64)
        )
        for record in self.records:
            folder = self.folder / "trials" / f"{record.number:04d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "record.json").write_text(record.model_dump_json(), encoding="utf-8")
        self._write_answers(rows)
        if self.result is not None:
            self._result().write(self.folder / "result.json")
        return read_saved_run(self.folder)

    def _write_answers(self, rows: Rows) -> None:
        problem = PROBLEMS[self.problem]
        state = problem.fit(rows.take(rows.split == "train").target(0))
        name = "values" if self.problem == "regression" else "probabilities"
        places = {self.folder / "trials" / f"{number:04d}": ("valid", array) for number, array in self.answers.items()}
        if self.test_outputs is not None:
            places[self.folder / TEST_OUTPUTS] = ("test", self.test_outputs)
        for folder, (split, array) in places.items():
            answered = rows.take(rows.split == split)[: len(array)]
            StoredOutputs(answered, (Outputs({name: array}),), (state,)).write(folder)

    def _result(self) -> Result:
        best = min(self.records, key=Record.order)
        usual = {
            "task": "clouds",
            "seed": 0,
            "metric": self.metric,
            "valid": best.score,
            "best": (best,),
            "trials": {"done": len(self.records)},
            "budget": 60.0,
            "seconds": {"prepare": 1.0, "search": 40.0, "finish": 4.0, "total": 45.0},
            "versions": {},
        }
        return Result.model_validate({**usual, **(self.result or {})})


def probabilities(truth, classes, sure=0.9, wrong=()):
    """Of each row the given probability for its class, or for the next one where it is to be answered wrong."""
    table = np.full((len(truth), classes), (1 - sure) / (classes - 1))
    for place, number in enumerate(truth):
        table[place, (number + (place in wrong)) % classes] = sure
    return table


@pytest.fixture
def story(tmp_path):
    """A run of two classes in turn with two trials, the first of which answers three of 20 rows wrong."""
    told = Story(tmp_path / "run", targets=["a", "b"] * 30)
    told.trial(
        0.85,
        score_error=0.08,
        epochs=[Epoch(stage="toy", number=n, loss=1 / n, score=0.8, seconds=0.1) for n in (1, 2)],
    )
    told.trial(0.80, score_error=0.09)
    truth = [0, 1] * 10
    told.answers = {0: probabilities(truth, 2, wrong=(0, 5, 9)), 1: probabilities(truth, 2, wrong=(0, 5, 9, 12))}
    told.result = {"test": 0.9, "interval": (0.75, 1.0), "test_rows": 20, "test_reads": 1}
    return told


@pytest.fixture
def page(tmp_path):
    """A function that writes a run, its report, and gives the report's text."""

    points = ToyModality()

    def write(told, modality=points, problems=None, sections=SECTIONS):
        out = tmp_path / "report.html"
        problems = [PROBLEMS[told.problem]] if problems is None else problems
        write_report(told.write(), out, modality, problems, sections)
        return out.read_text(encoding="utf-8")

    return write

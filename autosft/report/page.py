"""`write_report`: a run as one HTML file that needs nothing beside itself: no network, no script.

Templates lie in `templates/`; everything that they are given is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from autosft.contracts.document import write_whole
from autosft.contracts.modality import Modality, Preview
from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Problem
from autosft.contracts.rows import Row
from autosft.contracts.section import Answers, ReportedRow, ReportSection
from autosft.errors import BadInput, Unreadable
from autosft.report import cost, curves, summary
from autosft.report.again import commands
from autosft.report.charts.interval import IntervalPlot
from autosft.report.comparison import standings
from autosft.report.diagnosis.answers import answers_of
from autosft.report.importance import importance
from autosft.report.leaderboard import leaderboard
from autosft.report.rendering import gallery, render
from autosft.report.saved_run import SavedRun
from autosft.report.unlabeled import unlabeled_of

MOST_TRIALS = 25
"""So many of the best trials stand in the leaderboard, and are compared row by row with the best."""

MOST_TEXT = 280
"""So many characters of a text are shown."""


def write_report(
    saved_run: SavedRun,
    out: Path,
    modality: Modality | None,
    problems: Sequence[Problem],
    sections: Iterable[ReportSection] = (),
) -> None:
    """Write the report of a run.

    Args:
        saved_run: What its folder says; it may be going on.
        out: The HTML file.
        modality: Shows samples; None if it is not installed.
        problems: The problem of each target, to look into the answers; none if one of them is not installed.
        sections: What is said of the answers for each target, by whichever of these accept them.

    Raises:
        CannotWrite: The file cannot be written.
    """
    write_whole(out, render("page.html", **_content(saved_run, modality, problems, tuple(sections))).encode())


def _content(
    saved_run: SavedRun, modality: Modality | None, problems: Sequence[Problem], sections: Sequence[ReportSection]
) -> dict[str, Any]:
    """What the templates are given."""
    answers, why_not = _answers(saved_run, problems)
    pictures, failures = Pictures(modality), list[str]()
    found = [
        (target.name, _sections(sections, one, pictures, failures))
        for target, one in zip(saved_run.task.targets, answers, strict=False)
    ]
    return {
        "saved_run": saved_run,
        "summary": summary.summarize(saved_run),
        "data": summary.data_table(saved_run),
        "over_time": curves.score_over_time(saved_run),
        "leaderboard": _leaderboard(saved_run, problems),
        "curves": curves.learning_curves(saved_run),
        "grid": _grid(saved_run),
        "unlabeled": unlabeled_of(saved_run, problems),
        "importance": importance(saved_run.scored, int(saved_run.spec["seed"])),
        "answers": answers,
        "diagnoses": [pair for pair in found if pair[1]],
        "failures": failures,
        "why_no_diagnosis": why_not,
        "pictures": pictures,
        "recipes": [(record, record.recipe.parameters()) for record in saved_run.chosen],
        "commands": commands(saved_run),
        "peak": max((record.peak_bytes for record in saved_run.records), default=0),
        "spent": cost.time_spent(saved_run),
        "causes": cost.causes(saved_run.records),
        "notes": cost.notes(saved_run.records),
        "backbones": cost.backbones(saved_run),
    }


def _leaderboard(saved_run: SavedRun, problems: Sequence[Problem]) -> dict[str, Any]:
    """The best trials with their intervals, those that cannot be told from the best, and how many more there are."""
    rows = leaderboard(saved_run.records, saved_run.result).rows
    shown = saved_run.scored[:MOST_TRIALS]
    stored: dict[int, StoredOutputs] = {}
    damaged: list[str] = []
    for record in shown if problems else ():
        try:
            if outputs := saved_run.outputs(record):
                stored[record.number] = outputs
        except BadInput as error:
            damaged.append(str(error))
    seed = int(saved_run.spec["seed"])
    found = standings(shown, stored, saved_run.task.targets, problems, seed) if shown else {}
    intervals = [standing.interval for standing in found.values() if standing.interval]
    return {
        "rows": [(row, record, found[record.number]) for row, record in zip(rows, shown, strict=False)],
        "interval": IntervalPlot.around(intervals),
        "epochs": any(record.epochs for record in shown),
        "more": len(saved_run.scored) - len(shown),
        "tied": sum(standing.tied for standing in found.values()) - 1,
        "paired": sum(standing.paired for standing in found.values()),
        "compared": sum(len(stored[record.number].rows) for record in shown[:1] if record.number in stored),
        "damaged": damaged,
    }


def _grid(saved_run: SavedRun) -> dict[str, Any]:
    """The best score of each backbone with each strategy."""
    names = list(dict.fromkeys(record.recipe.backbone for record in saved_run.scored))
    strategies = sorted({record.recipe.strategy for record in saved_run.scored})
    cells = {(one, two): summary.best_of(saved_run.scored, one, two) for one in names for two in strategies}
    scores = [record.score for record in cells.values() if record and record.score is not None]
    return {"backbones": names, "strategies": strategies, "cells": cells, "highest": max(scores, default=0.0)}


@dataclass(frozen=True)
class Shown:
    """A sample as a template takes it: its text, and its picture as a data URL, empty if there is none."""

    text: str
    picture: str


class Pictures:
    """Shows samples by their modality.

    Attributes:
        missing: How many samples could not be shown.
        reason: Why the first of them could not.
    """

    def __init__(self, modality: Modality | None) -> None:
        self._modality = modality
        self.missing, self.reason = 0, ""

    def of(self, row: Row) -> Shown:
        """A row; only its id where the sample itself cannot be shown."""
        if self._modality is None:
            return self._only_id(row, "the plugin that reads them is not installed")
        try:
            preview: Preview = self._modality.preview(row)
        except Unreadable as error:
            return self._only_id(row, str(error))
        data = base64.b64encode(preview.picture).decode()
        text = preview.text[:MOST_TEXT] + (" …" if len(preview.text) > MOST_TEXT else "")
        kind = "svg+xml" if preview.picture.startswith(b"<svg") else "jpeg"
        return Shown(text, f"data:image/{kind};base64,{data}" if data else "")

    def _only_id(self, row: Row, reason: str) -> Shown:
        self.missing += 1
        self.reason = self.reason or reason
        return Shown(row.id, "")


def _answers(saved_run: SavedRun, problems: Sequence[Problem]) -> tuple[Sequence[Answers], str]:
    """What was answered for each target; and if nothing of it is shown, why."""
    if not problems:
        asked = " and ".join(saved_run.task.problems)
        return [], f"no installed plugin offers the problem {asked} with its metric, {saved_run.metric}"
    if not saved_run.chosen:
        return [], "no trial has a score"
    try:
        return answers_of(saved_run, problems), "this report knows no figures for such answers"
    except BadInput as error:
        return [], str(error).rstrip(".")


def _sections(
    sections: Sequence[ReportSection], answers: Answers, pictures: Pictures, failures: list[str]
) -> list[Markup]:
    """What the sections say of the answers for a target that accept them; one that raises is named in `failures`."""

    def show(rows: Sequence[ReportedRow], target: str = "Label", answer: str = "Answer") -> str:
        return gallery(pictures, rows, target, answer)

    found: list[Markup] = []
    for section in sections if len(answers.targets) else ():
        try:
            if section.accepts(answers):
                found.append(Markup(section.html(answers, show)))
        except Exception as error:  # a plugin's section must not cost the report
            line = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".:")
            failures.append(f"The section {section.name!r} could not be made ({line}).")
    return found

"""`Summary`: what was asked, what was done and what came out; and the rows that it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from autosft.contracts.record import Record
from autosft.contracts.rows import SPLITS
from autosft.data.resampling import DEVIATIONS
from autosft.report.saved_run import SavedRun
from autosft.report.words import count, digits, model, score, seconds, several, way

MOST_LABELS = 40
ALIKE = 0.55
"""From where on the AUROC between training rows and others is worth a word; of its interval the lower end."""

_ROWS = {"valid": "validation", "test": "test", "unlabeled": "unlabelled"}
FAILURES = ("failed", "diverged", "out_of_memory", "cannot_write")


@dataclass(frozen=True)
class Headline:
    """The one number.

    Attributes:
        name: Which score of which rows.
        value: The score, written.
        interval: Its 95 % interval, written; empty if there is none.
        range: The interval; None if there is none.
        number: The score.
        warning: What keeps it from being an honest estimate; empty if nothing does.
    """

    name: str
    value: str
    interval: str
    range: tuple[float, float] | None
    number: float
    warning: str


@dataclass(frozen=True)
class Summary:
    """The head of a report.

    Attributes:
        headline: None while no trial has a score.
        asked, done, came: Three lines.
        cautions: What a reader should know before believing the rest.
    """

    headline: Headline | None
    asked: str
    done: str
    came: str
    cautions: tuple[str, ...]


def summarize(saved_run: SavedRun) -> Summary:
    """The head of the report of a run."""
    return Summary(
        _headline(saved_run), _asked(saved_run), _done(saved_run), _came(saved_run), tuple(_cautions(saved_run))
    )


def _headline(saved_run: SavedRun) -> Headline | None:
    result = saved_run.result
    if result and result.test is not None:
        name = f"test {result.metric}, {several(result.test_rows, 'row')} that the search never saw"
        return Headline(name, score(result.test), _interval(result.interval), result.interval, result.test, "")
    if not saved_run.scored:
        return None
    best = saved_run.chosen[0]
    value = result.valid if result else best.score or 0.0
    error = best.score_error if len(saved_run.chosen) == 1 else None
    between = (value - DEVIATIONS * error, value + DEVIATIONS * error) if error is not None else None
    rows = several(best.rows, "row") if saved_run.crossed else several(len(saved_run.valid), "validation row")
    kind = "cross-validated" if saved_run.crossed else "validation"
    among = several(len(saved_run.scored), "trial")
    warning = f"These are the rows by which the model was chosen among {among}, so the score is optimistic."
    return Headline(f"{kind} {saved_run.metric}, {rows}", score(value), _interval(between), between, value, warning)


def _interval(between: tuple[float, float] | None) -> str:
    return f"95 % interval {score(between[0])} to {score(between[1])}" if between else ""


def _asked(saved_run: SavedRun) -> str:
    task, spec = saved_run.task, saved_run.spec
    limits = [f"within {seconds(spec['budget'])}"] if spec["budget"] else []
    limits += [f"in at most {several(spec['trials'], 'trial')}"] if spec["trials"] else []
    alone = saved_run.facts[:1] if len(task.targets) == 1 else ()  # which describe the first target
    what = ", ".join(alone or task.target_names)
    problem = " and ".join(task.problems)
    how = f"for the highest {task.score_name}, {' and '.join(limits)}"
    fixed = f" Set by hand: {', '.join(saved_run.settings)}." if saved_run.settings else ""
    return f"{problem.capitalize()} of {task.modality} data ({what}), {how}.{fixed}"


def _done(saved_run: SavedRun) -> str:
    states = Counter(record.state for record in saved_run.records)
    backbones = {record.recipe.backbone for record in saved_run.records}
    strategies = {record.recipe.strategy for record in saved_run.records}
    failed = sum(states[state] for state in FAILURES)
    also = f"; {several(failed, 'trial')} failed" if failed else "; none failed" if saved_run.records else ""
    used = saved_run.result.seconds["total"] if saved_run.result else saved_run.seconds
    return (
        f"{several(len(saved_run.records), 'trial')} of {several(len(backbones), 'backbone')} and "
        f"{several(len(strategies), 'strategy', 'strategies')} in {seconds(used)}{also}."
    )


def _came(saved_run: SavedRun) -> str:
    result = saved_run.result
    if not saved_run.scored:
        return "No trial has a score."
    best = saved_run.chosen[0]
    if result is None:
        return f"So far {way(best.recipe)} is the best, with a validation {saved_run.metric} of {score(best.score)}."
    if len(result.best) > 1:
        what = f"An ensemble of {len(result.best)} models, first {model(best)}"
    else:
        what = model(best)[:1].upper() + model(best)[1:]
    again = ", trained again on all rows for which there was time" if result.refitted else ""
    return f"{what}{again}; validation {saved_run.metric} {score(result.valid)}."


def _cautions(saved_run: SavedRun) -> Sequence[str]:
    result, found = saved_run.result, list[str]()
    if result is None:
        found.append(
            "The search has not finished; all that follows is how it stands. The same command goes on with it."
        )
    elif result.interrupted:
        found.append("The search was interrupted before its time; the same command goes on with it.")
    if result and result.test is None and not len(saved_run.rows.take(saved_run.rows.split == "test")):
        found.append("There is no test split, so nothing here is an estimate for new data.")
    elif result and result.test is None:
        found.append("The test rows could not be scored.")
    for name, shift in result.shift.items() if result else ():
        if shift.interval[0] > ALIKE:
            low, high = (digits(end, 2) for end in shift.interval)
            found.append(
                f"The {_ROWS[name]} rows are unlike the training rows: a linear classifier on frozen features tells "
                f"them apart with an AUROC of {digits(shift.auroc, 2)} ({low} to {high}; 0.5 if they were alike)."
            )
    tests = int((saved_run.rows.split == "test").sum())
    if result and result.test is not None and result.test_rows < tests:
        found.append(
            f"Only {count(result.test_rows)} of {count(tests)} test rows were scored; there was no time for more."
        )
    if result and result.test_reads > 1:
        found.append(
            f"The test rows were read {result.test_reads} times; who chose by an earlier score used them up a little."
        )
    return found


@dataclass(frozen=True)
class LabelRows:
    """How many rows of each split a label has."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class DataTable:
    """How many rows there are.

    Attributes:
        splits: The names of the splits that have rows.
        sizes: How many rows each has.
        labels: The labels with the most rows; empty where targets are no labels.
        left: How many labels are not in `labels`.
    """

    splits: tuple[str, ...]
    sizes: tuple[int, ...]
    labels: tuple[LabelRows, ...]
    left: int


def data_table(saved_run: SavedRun) -> DataTable:
    """Count the rows of each split, and of each label of the first target."""
    counts = {split: Counter[str]() for split in SPLITS}
    sizes = Counter[str]()
    for split, targets in zip(saved_run.rows.split, saved_run.rows.targets, strict=True):
        sizes[split] += 1
        counts[split].update(labels_of(targets[0]))
    splits = tuple(split for split in SPLITS if sizes[split])
    total = sum(counts.values(), Counter[str]())
    labels = tuple(
        LabelRows(name, tuple(counts[split][name] for split in splits)) for name, _ in total.most_common(MOST_LABELS)
    )
    return DataTable(splits, tuple(sizes[split] for split in splits), labels, max(0, len(total) - MOST_LABELS))


def labels_of(target: Any) -> list[str]:
    """The labels in a target or an answer; none where it is something else."""
    if isinstance(target, str):
        return [target]
    if isinstance(target, (tuple, list)):
        return [one for one in cast("Iterable[Any]", target) if isinstance(one, str)]
    return []


def best_of(records: Sequence[Record], backbone: str, strategy: str) -> Record | None:
    """The best of the trials, which stand best first, that trained this backbone so."""
    return next((one for one in records if (one.recipe.backbone, one.recipe.strategy) == (backbone, strategy)), None)

"""`Summary`: what was asked, what was done and what came out; and the rows that it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from autosft.contracts.record import Record
from autosft.contracts.rows import SPLITS
from autosft.data.resampling import DEVIATIONS
from autosft.report.account import Account
from autosft.report.words import count, digits, model, score, seconds, several, way

MOST_LABELS = 40
ALIKE = 0.55
"""From where on the AUROC between training rows and others is worth a word; of its interval the lower end."""

_SPLITS = {"valid": "validation", "test": "test"}
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


def summarize(account: Account) -> Summary:
    """The head of the report of a run."""
    return Summary(_headline(account), _asked(account), _done(account), _came(account), tuple(_cautions(account)))


def _headline(account: Account) -> Headline | None:
    result = account.result
    if result and result.test is not None:
        name = f"test {result.metric}, {several(result.test_rows, 'row')} that the search never saw"
        return Headline(name, score(result.test), _interval(result.interval), result.interval, result.test, "")
    if not account.scored:
        return None
    best = account.chosen[0]
    value = result.valid if result else best.score or 0.0
    error = best.score_error if len(account.chosen) == 1 else None
    between = (value - DEVIATIONS * error, value + DEVIATIONS * error) if error is not None else None
    crossed = best.split_score is not None
    rows = several(best.rows, "row") if crossed else several(len(account.valid), "validation row")
    kind = "cross-validated" if crossed else "validation"
    among = several(len(account.scored), "trial")
    warning = f"These are the rows by which the model was chosen among {among}, so the score is flattered."
    return Headline(f"{kind} {account.metric}, {rows}", score(value), _interval(between), between, value, warning)


def _interval(between: tuple[float, float] | None) -> str:
    return f"95 % interval {score(between[0])} to {score(between[1])}" if between else ""


def _asked(account: Account) -> str:
    task, spec = account.task, account.spec
    limits = [f"within {seconds(spec['budget'])}"] if spec["budget"] else []
    limits += [f"in at most {several(spec['trials'], 'trial')}"] if spec["trials"] else []
    alone = account.facts[:1] if len(task.targets) == 1 else ()  # which describe the first target
    what = ", ".join(alone or task.target_names)
    problem = " and ".join(task.problems)
    how = f"for the highest {task.score_name}, {' and '.join(limits)}"
    fixed = f" Set by hand: {', '.join(account.settings)}." if account.settings else ""
    return f"{problem.capitalize()} of {task.modality} data ({what}), {how}.{fixed}"


def _done(account: Account) -> str:
    states = Counter(record.state for record in account.records)
    backbones = {record.recipe.backbone for record in account.records}
    strategies = {record.recipe.strategy for record in account.records}
    failed = sum(states[state] for state in FAILURES)
    also = f"; {several(failed, 'trial')} failed" if failed else "; none failed" if account.records else ""
    used = account.result.seconds["total"] if account.result else account.seconds
    return (
        f"{several(len(account.records), 'trial')} of {several(len(backbones), 'backbone')} and "
        f"{several(len(strategies), 'strategy', 'strategies')} in {seconds(used)}{also}."
    )


def _came(account: Account) -> str:
    result = account.result
    if not account.scored:
        return "No trial has a score."
    best = account.chosen[0]
    if result is None:
        return f"So far {way(best.recipe)} is the best, with a validation {account.metric} of {score(best.score)}."
    if len(result.best) > 1:
        what = f"A blend of {len(result.best)} models, first {model(best)}"
    else:
        what = model(best)[:1].upper() + model(best)[1:]
    again = ", trained again on all rows for which there was time" if result.refitted else ""
    return f"{what}{again}; validation {account.metric} {score(result.valid)}."


def _cautions(account: Account) -> Sequence[str]:
    result, found = account.result, list[str]()
    if result is None:
        found.append(
            "The search has not finished; all that follows is how it stands. The same command goes on with it."
        )
    elif result.interrupted:
        found.append("The search was interrupted before its time; the same command goes on with it.")
    if result and result.test is None and not len(account.rows.take(account.rows.split == "test")):
        found.append("There is no test split, so nothing here is an estimate for new data.")
    elif result and result.test is None:
        found.append("The test rows could not be scored.")
    for name, shift in result.shift.items() if result else ():
        if shift.interval[0] > ALIKE:
            low, high = (digits(end, 2) for end in shift.interval)
            found.append(
                f"The {_SPLITS[name]} rows are unlike the training rows: a linear classifier on frozen features tells "
                f"them apart with an AUROC of {digits(shift.auroc, 2)} ({low} to {high}; 0.5 if they were alike)."
            )
    tests = int((account.rows.split == "test").sum())
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


def data_table(account: Account) -> DataTable:
    """Count the rows of each split, and of each label of the first target."""
    counts = {split: Counter[str]() for split in SPLITS}
    sizes = Counter[str]()
    for split, targets in zip(account.rows.split, account.rows.targets, strict=True):
        sizes[split] += 1
        counts[split].update(_labels(targets[0]))
    splits = tuple(split for split in SPLITS if sizes[split])
    total = sum(counts.values(), Counter[str]())
    labels = tuple(
        LabelRows(name, tuple(counts[split][name] for split in splits)) for name, _ in total.most_common(MOST_LABELS)
    )
    return DataTable(splits, tuple(sizes[split] for split in splits), labels, max(0, len(total) - MOST_LABELS))


def _labels(target: Any) -> list[str]:
    if isinstance(target, str):
        return [target]
    if isinstance(target, tuple):
        return [one for one in cast("tuple[Any, ...]", target) if isinstance(one, str)]
    return []


def best_of(records: Sequence[Record], backbone: str, strategy: str) -> Record | None:
    """The best of the trials, which stand best first, that trained this backbone so."""
    return next((one for one in records if (one.recipe.backbone, one.recipe.strategy) == (backbone, strategy)), None)

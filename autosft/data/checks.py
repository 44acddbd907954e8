"""`check_scan`, `summarize`: is the data sound enough to search on, and what should the user know of it before?"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autosft.contracts.document import write_whole
from autosft.contracts.problem import Problem
from autosft.contracts.rows import Data, Scan, SkippedSample
from autosft.data.duplicates import duplicate_warnings
from autosft.data.labels import label_warnings, listed
from autosft.data.splits import is_timed
from autosft.errors import BadInput

UNREADABLE_LIMIT = 0.2
"""Above this fraction of unusable data a search would answer another question than the one asked."""


@dataclass(frozen=True)
class Summary:
    """What a user is told of the data: facts, and warnings."""

    facts: tuple[str, ...]
    warnings: tuple[str, ...]


def check_scan(scan: Scan) -> None:
    """Refuse data of which too much cannot be used.

    Raises:
        BadInput: There is nothing, or over 20 % of its rows are lost; names the first skipped samples.
    """
    if not len(scan.rows):
        named = _named(scan.skipped)
        raise BadInput(f"No labelled row can be used{f' ({named})' if named else ''}.")
    lost = [skip for skip in scan.skipped if skip.lost]
    total = len(scan.rows) + len(lost)
    if len(lost) > UNREADABLE_LIMIT * total:
        fraction = 100 * len(lost) / total
        raise BadInput(
            f"{len(lost)} of {total} rows ({fraction:.0f} %) cannot be used, over the limit of 20 %: {_named(lost)}"
            f"{' …' if len(lost) > 3 else ''}. Mend or remove them."
        )


def _named(skipped: Sequence[SkippedSample]) -> str:
    return "; ".join(f"{skip.ref}: {skip.reason}" for skip in skipped[:3])


def summarize(
    scan: Scan,
    data: Data,
    problem: Problem,
    *,
    metric: str = "",
    names: Sequence[str] = (),
    about: Sequence[str] = (),
) -> Summary:
    """Count rows and name what may surprise.

    Args:
        scan: What the modality found.
        data: The same, in splits; where rows have no digest, no duplicate is found.
        problem: The problem of the task's first target.
        metric: The score that is searched; some data calls for another.
        names: What the task's targets are called.
        about: More facts, such as what the modality says of the rows.

    Raises:
        BadInput: The training targets do not make the problem, or one of them is missing throughout a split.
    """
    missing = _missing_targets(data, names)
    state = problem.fit(data.train.with_target(0).target(0))
    sizes = [("training", len(data.train)), ("validation", len(data.valid))]
    if data.test is not None:
        sizes.append(("test", len(data.test)))
    if len(data.unlabeled):
        sizes.append(("unlabelled", len(data.unlabeled)))
    facts = [f"rows: {', '.join(f'{count} {name}' for name, count in sizes)}"]
    if described := problem.describe(state):
        facts.insert(0, described)
    facts += [*missing, *_divided(data), *about]
    warnings: list[str] = []
    if scan.skipped:
        warnings.append(f"{len(scan.skipped)} rows cannot be used and are left out; skipped.csv lists them")
    warnings += _left_out(scan, data) + _straddling(data) + label_warnings(data, problem, metric)
    warnings += duplicate_warnings(data)
    return Summary(tuple(facts), tuple(warnings))


def _missing_targets(data: Data, names: Sequence[str]) -> list[str]:
    """How many rows have each target, where some have not.

    Raises:
        BadInput: A split has none of one of them.
    """
    facts: list[str] = []
    splits = {"training": data.train, "validation": data.valid, "test": data.test}
    for position, name in enumerate(names):
        counts = {split: len(rows.with_target(position)) for split, rows in splits.items() if rows is not None}
        for split, count in counts.items():
            if not count:
                raise BadInput(f"None of the {split} rows has the target {name!r}: give it to some of them.")
        if any(counts[split] < len(rows) for split, rows in splits.items() if rows is not None):
            facts.append(f"rows with {name}: {', '.join(f'{n} {split}' for split, n in counts.items())}")
    return facts


def _divided(data: Data) -> list[str]:
    """By what rows are split and weighted, other than chance."""
    facts: list[str] = []
    parts = {"training": data.train, "validation": data.valid, "test": data.test}
    groups = {name: set(rows.group) - {""} for name, rows in parts.items() if rows is not None}
    if any(groups.values()):
        facts.append(f"groups: {', '.join(f'{len(names)} {name}' for name, names in groups.items())}")
    if is_timed(data.train + data.valid):
        facts.append("split by time: the latest rows test, and the latest of the others validate")
    if (data.train.weight != 1).any():
        low, high = data.train.weight.min(), data.train.weight.max()
        facts.append(f"weights from {low:.3g} to {high:.3g} in the loss, on average 1; scores count every row alike")
    return facts


def _left_out(scan: Scan, data: Data) -> list[str]:
    """Sound rows that are in no split."""
    given = sum(str(name) == "valid" for name in scan.rows.split)
    if data.valid_is_predefined and given > len(data.valid):
        return [f"trials are compared by {len(data.valid)} of the {given} validation rows, drawn in proportion"]
    used = {row for rows in (data.train, data.valid, data.test) if rows is not None for row in rows.id}
    weights = [weight for row, weight in zip(scan.rows.id, scan.rows.weight, strict=True) if row not in used]
    warnings: list[str] = []
    if weightless := weights.count(0):
        warnings.append(f"{weightless} rows of weight 0 are not trained on")
    if more := len(weights) - weightless:
        warnings.append(f"{more} rows of large groups are left out: {len(data.valid)} are enough to compare trials by")
    return warnings


def _straddling(data: Data) -> list[str]:
    """Groups on both sides of splits that the data gives."""
    parts = [data.train, data.valid, data.test if data.test is not None else data.valid[:0]]
    train, valid, test = (set(rows.group) - {""} for rows in parts)
    across = sorted((train & valid) | (train & test) | (valid & test))
    if not across:
        return []
    return [f"groups in more than one of the predefined splits, so that scores are optimistic: {listed(across)}"]


def write_skipped(path: Path, skipped: Sequence[SkippedSample]) -> None:
    """List skipped samples as CSV: file, reason."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["file", "reason"])
    writer.writerows((skip.ref, skip.reason) for skip in skipped)
    write_whole(path, stream.getvalue().encode())

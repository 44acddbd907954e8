"""`check`: is the data sound enough to search on, and what should the user know of it before the clock runs?"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autosft.contracts.document import write_whole
from autosft.contracts.problem import Problem
from autosft.contracts.rows import Data, Fault, Rows, Scan
from autosft.data.stratify import several_of
from autosft.errors import BadInput

UNREADABLE_LIMIT = 0.2
"""Above this share of unusable data a search would answer another question than the one asked."""

FEW_ROWS = 5
"""A stratum with fewer training rows than this is worth a warning."""


@dataclass(frozen=True)
class Summary:
    """What a user is told of the data: facts, and warnings."""

    facts: tuple[str, ...]
    warnings: tuple[str, ...]


def check_scan(scan: Scan) -> None:
    """Refuse data of which too much cannot be used.

    Raises:
        BadInput: There is nothing, or over 20 % of it cannot be used; names the first faults.
    """
    total = len(scan.rows) + len(scan.faults)
    named = "; ".join(f"{fault.ref}: {fault.reason}" for fault in scan.faults[:3])
    if not len(scan.rows):
        raise BadInput(f"No labelled row can be used{f' ({named})' if named else ''}.")
    if len(scan.faults) > UNREADABLE_LIMIT * total:
        share = 100 * len(scan.faults) / total
        raise BadInput(
            f"{len(scan.faults)} of {total} rows ({share:.0f} %) cannot be used, over the limit of 20 %: {named}"
            f"{' …' if len(scan.faults) > 3 else ''}. Mend or remove them."
        )


def summarize(scan: Scan, data: Data, problem: Problem) -> Summary:
    """Count rows and name what may surprise."""
    state = problem.fit(data.train.target(0))
    sizes = [("training", len(data.train)), ("validation", len(data.valid))]
    if data.test is not None:
        sizes.append(("test", len(data.test)))
    if len(data.unlabeled):
        sizes.append(("unlabelled", len(data.unlabeled)))
    facts = [f"rows: {', '.join(f'{count} {name}' for name, count in sizes)}"]
    if described := problem.describe(state):
        facts.insert(0, described)
    warnings: list[str] = []
    if scan.faults:
        warnings.append(f"{len(scan.faults)} rows cannot be used and are left out; skipped.csv lists them")
    given = sum(str(name) == "valid" for name in scan.rows.split)
    if data.given and given > len(data.valid):
        warnings.append(f"trials are compared by {len(data.valid)} of the {given} validation rows, drawn in proportion")
    warnings += _label_warnings(data, problem)
    return Summary(tuple(facts), tuple(warnings))


def _label_warnings(data: Data, problem: Problem) -> list[str]:
    """Labels with few training rows, and labels that no training row has."""
    counts = _labels(data.train, problem)
    warnings: list[str] = []
    few = sorted(label for label, count in counts.items() if count < FEW_ROWS)
    if few and len(few) < len(data.train):
        warnings.append(f"fewer than {FEW_ROWS} training rows: {_some(few)}")
    for name, rows in (("validation", data.valid), ("test", data.test)):
        unseen = sorted(_labels(rows, problem).keys() - counts.keys()) if rows is not None else []
        if unseen:
            warnings.append(f"only among the {name} rows, so always wrong there: {_some(unseen)}")
    return warnings


def _labels(rows: Rows, problem: Problem) -> Counter[str]:
    """How many rows each label has: the strata that have a name."""
    strata = problem.strata(rows.target(0)) or ()
    return Counter(one for stratum in strata for one in several_of(stratum) if isinstance(one, str))


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def write_skipped(path: Path, faults: Sequence[Fault]) -> None:
    """List faults as CSV: file, reason."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["file", "reason"])
    writer.writerows((fault.ref, fault.reason) for fault in faults)
    write_whole(path, stream.getvalue().encode())

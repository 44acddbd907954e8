"""From a table and what each of its rows refers to, to rows: with a target, without one, or none at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from autosft.contracts.rows import Row, Rows, Scan, SkippedSample
from autosft.contracts.task import Task
from autosft.tables.columns import Missing
from autosft.tables.roles import roles_of
from autosft.tables.table import Table
from autosft.tables.targets import TargetForm, targets_of

_LEARNED = ("", "train")
"""The splits whose rows may be learned from without a target."""


def rows_of(table: Table, forms: Sequence[TargetForm], refs: Iterable[Any], *, empty: str, task: Task) -> Scan:
    """Rows with a target, training rows without any, and skipped samples. Row ids are the table's places; groups, times
    and weights come from the columns that the task names.

    A validation or test split of which no row has a target is left out, and is one skipped sample.

    Args:
        table: The table.
        forms: How it holds each target. A row may lack some of them, but not all.
        refs: What each row refers to; nothing, such as an empty text, is one skipped sample.
        empty: The reason of that skipped sample.
        task: Names the columns of groups, times and weights.

    Raises:
        UnknownName: The table lacks a column of the form or of the task.
        BadInput: A column of times or weights holds none.
    """
    columns, roles = [targets_of(table, form) for form in forms], roles_of(table, task)
    targets = [None if all(one is None for one in each) else each for each in zip(*columns, strict=True)]
    labeled = {split for split, target in zip(table.splits, targets, strict=True) if target is not None}
    rows: list[Row] = []
    unlabeled: list[Row] = []
    skipped = list(table.skipped)
    for place, split, ref, target, role in zip(table.places, table.splits, refs, targets, roles, strict=True):
        if split not in labeled and split not in _LEARNED:
            continue
        if not ref:
            skipped.append(SkippedSample(place, empty, lost=target is not None))
        elif unusable := next((one for one in target or () if isinstance(one, Missing)), None):
            skipped.append(SkippedSample(place, unusable.reason))
        elif target is not None:
            if isinstance(role, Missing):
                skipped.append(SkippedSample(place, role.reason))
            else:
                rows.append(Row(place, ref, target, split, **role))
        elif split in _LEARNED:
            unlabeled.append(Row(place, ref))
        else:
            skipped.append(SkippedSample(place, "without a target", lost=False))
    for split in sorted({*table.splits} - labeled - {*_LEARNED}):
        skipped.append(SkippedSample(f"the {split} rows", "none of them has a target; not used", lost=False))
    return Scan(Rows.of(rows), Rows.of(unlabeled), tuple(skipped))

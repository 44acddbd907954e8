"""From a table and what each of its rows refers to, to rows: with a target, without one, or none at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autosft.contracts.rows import Fault, Row, Rows, Scan
from autosft.tables.table import Table
from autosft.tables.targets import Missing, TargetForm, targets_of

_LEARNED = ("", "train")
"""The splits whose rows may be learned from without a target."""


def rows_of(table: Table, form: TargetForm, refs: Iterable[Any], *, empty: str) -> Scan:
    """Rows with a target, training rows without one, and faults. Row ids are the table's places.

    A validation or test split of which no row has a target is left out, and makes one fault.

    Args:
        table: The table.
        form: How it holds the targets.
        refs: What each row refers to; nothing, such as an empty text, makes a fault.
        empty: The reason of that fault.

    Raises:
        UnknownName: The table lacks a column of the form.
    """
    targets = targets_of(table, form)
    labeled = {split for split, target in zip(table.splits, targets, strict=True) if target is not None}
    rows: list[Row] = []
    unlabeled: list[Row] = []
    faults = list(table.faults)
    for place, split, ref, target in zip(table.places, table.splits, refs, targets, strict=True):
        if split not in labeled and split not in _LEARNED:
            continue
        if not ref:
            faults.append(Fault(place, empty))
        elif isinstance(target, Missing):
            faults.append(Fault(place, target.reason))
        elif target is not None:
            rows.append(Row(place, ref, (target,), split))
        elif split in _LEARNED:
            unlabeled.append(Row(place, ref))
        else:
            faults.append(Fault(place, "without a target"))
    for split in sorted({*table.splits} - labeled - {*_LEARNED}):
        faults.append(Fault(f"the {split} rows", "none of them has a target; not used"))
    return Scan(Rows.of(rows), Rows.of(unlabeled), tuple(faults))

"""From a table to the target of each row: `propose_target` says which columns and how, `targets_of` reads them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from autosft.contracts.task import Hints
from autosft.errors import UnknownName
from autosft.tables.candidates import choose
from autosft.tables.columns import is_blank, is_on, label_of, profile
from autosft.tables.forms import TargetForm, check_form, form_of
from autosft.tables.joined import parts_of
from autosft.tables.numbers import is_missing_number, to_number
from autosft.tables.table import Table

__all__ = ["Missing", "TargetForm", "propose_target", "targets_of"]


@dataclass(frozen=True)
class Missing:
    """A target that is there and cannot be used; the reason is for a `Fault`."""

    reason: str


def propose_target(table: Table, hints: Hints, *, exclude: Collection[str] = ()) -> TargetForm:
    """The target that the user named, or the one that the table seems to have.

    Args:
        table: The table; a part of it is enough.
        hints: What the user said.
        exclude: Columns that are inputs.

    Raises:
        UnknownName: A named column does not exist.
        BadInput: No column, or more than one, could be the target; or nothing can be learned from it.
    """
    for name in hints.targets:
        if name not in table.columns:
            raise UnknownName("target column", name, table.columns)
    if hints.targets:
        names, why = tuple(dict.fromkeys(hints.targets)), "named by the user"
    else:
        names, why = choose(table, {*exclude, *hints.inputs})
    seen = {name: profile(table.columns[name]) for name in names}
    form = form_of(table, seen, hints.problem, why)
    check_form(table, form, seen)
    return form


def targets_of(table: Table, form: TargetForm) -> list[Any]:
    """The target of each row.

    A label is a str, joined labels and indicators a sorted tuple of str, a number a float, numbers a tuple of floats. A row
    without a target has None: an empty cell; of several numbers, a single one that is missing; of several indicators, all of
    them. Joined labels know the empty set: there an empty cell means no label, unless none of the rows of the same split has
    any, as where a file lacks the column. What cannot be used is a `Missing`.

    Raises:
        UnknownName: The table lacks a column of the form.
    """
    for name in form.columns:
        if name not in table.columns:
            raise UnknownName("target column", name, table.columns)
    columns = [table.columns[name] for name in form.columns]
    if form.form == "label":
        return [_label(cell) for cell in columns[0]]
    if form.form == "number":
        return [_number(cell, form) for cell in columns[0]]
    rows = zip(*columns, strict=True)
    if form.form == "numbers":
        return [_together([_number(cell, form) for cell in row]) for row in rows]
    if form.form == "indicators":
        return [_indicated(row, form.columns) for row in rows]
    labeled = {split for split in set(table.splits) if _has_labels(columns, table.splits == split)}
    return [
        _joined(row, form.separator) if split in labeled else None
        for row, split in zip(rows, table.splits, strict=True)
    ]


def _has_labels(columns: list[Any], chosen: Any) -> bool:
    return any(not is_blank(cell) for column in columns for cell in column[np.asarray(chosen, dtype=bool)])


def _label(cell: Any) -> Any:
    if is_blank(cell):
        return None
    return Missing("a list or an object, where one label was expected") if _is_nested(cell) else label_of(cell)


def _number(cell: Any, form: TargetForm) -> Any:
    if is_missing_number(cell):
        return None
    number = to_number(cell, form.decimal)
    return Missing(f"{str(cell)[:40]!r} is no number") if number is None else number


def _together(numbers: list[Any]) -> Any:
    wrong = next((number for number in numbers if isinstance(number, Missing)), None)
    return wrong or (None if None in numbers else tuple(numbers))


def _indicated(cells: tuple[Any, ...], names: tuple[str, ...]) -> Any:
    if all(map(is_blank, cells)):
        return None
    states = [False if is_blank(cell) else is_on(cell) for cell in cells]
    for name, cell, state in zip(names, cells, states, strict=True):
        if state is None:
            return Missing(f"{str(cell)[:40]!r} in column {name!r} is neither 0 nor 1")
    return tuple(sorted(name for name, state in zip(names, states, strict=True) if state))


def _joined(cells: tuple[Any, ...], separator: str) -> Any:
    labels: set[str] = set()
    for cell in cells:
        if is_blank(cell):
            continue
        if isinstance(cell, tuple):
            if any(map(_is_nested, cell)):
                return Missing("a list of lists or objects, where labels were expected")
            labels |= {label_of(part) for part in cell if not is_blank(part)}
        elif _is_nested(cell):
            return Missing("an object, where labels were expected")
        else:
            try:
                labels.update(parts_of(label_of(cell), separator))
            except ValueError as error:
                return Missing(f"{str(cell)[:40]!r} is {error}")
    return tuple(sorted(labels))


def _is_nested(cell: Any) -> bool:
    return isinstance(cell, (tuple, list, dict, bytes))

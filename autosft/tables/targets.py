"""From a table to the target of each row: `propose_target` says which columns and how, `targets_of` reads them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

import numpy.typing as npt

from autosft.contracts.task import Hints, Task
from autosft.errors import BadInput, UnknownName
from autosft.tables.candidates import choose
from autosft.tables.columns import Missing, is_blank, is_nested, is_on, label_of, number_label, profile, shown
from autosft.tables.forms import TargetForm, check_form, form_of
from autosft.tables.joined import parts_of, pieces_of
from autosft.tables.numbers import is_missing_number, to_number
from autosft.tables.roles import check_roles
from autosft.tables.table import Table

_UNEVEN = Missing("a list that is shorter than others, where each label should have a 0 or 1")

__all__ = [
    "Missing",
    "TargetForm",
    "forms_in",
    "plain_of",
    "propose_target",
    "propose_targets",
    "targets_of",
]


def propose_target(table: Table, hints: Hints, *, exclude: Collection[str] = ()) -> TargetForm:
    """The target that the user named, or the one that the table seems to have.

    Args:
        table: The table; of one that is not complete, what the other rows may still have is not held against it.
        hints: What the user said.
        exclude: Columns that are inputs.

    Raises:
        UnknownName: A named column does not exist.
        BadInput: No column, or more than one, could be the target; or nothing can be learned from it; or a column is
            named as something else too.
    """
    _require(table, hints.targets)
    if both := [name for name in hints.targets if name in hints.inputs]:
        raise BadInput(f"Column {both[0]!r} is named as a target and as an input; it can be one of them.")
    check_roles(table, hints)
    if hints.targets:
        seen, why = {name: profile(table.columns[name]) for name in hints.targets}, ""
    else:
        seen, why = choose(table, {*exclude, *hints.inputs, *hints.roles.values()}, hints.problem)
    form = form_of(table, seen, hints.problem, why)
    check_form(table, form, seen)
    return form


def propose_targets(table: Table, hints: Hints, *, exclude: Collection[str] = ()) -> tuple[TargetForm, ...]:
    """What `propose_target` gives for each target, where the user named several problems; else for the one.

    Args:
        table: The table.
        hints: What the user said.
        exclude: Columns that are inputs.

    Raises:
        UnknownName: As `propose_target`.
        BadInput: As `propose_target`; or there are not as many columns of targets as problems.
    """
    return tuple(propose_target(table, one, exclude=exclude) for one in hints.each())


def forms_in(task: Task, where: str) -> tuple[TargetForm, ...]:
    """The forms of a task's targets, from its data table: under the key target, one or a list with one per target.

    Args:
        task: The task.
        where: What to call its data table.

    Raises:
        UnknownName: A key of a form does not exist.
        BadInput: They are not well-formed, or not as many as the targets.
    """
    given = task.data.get("target")
    several = cast("Sequence[Any]", given) if isinstance(given, (list, tuple)) else [given]
    forms = tuple(TargetForm.parse(one, f"target in {where}") for one in several)
    if len(forms) != len(task.targets):
        raise BadInput(f"{where}: it needs a form for each of {len(task.targets)} targets; it has {len(forms)}.")
    return forms


def plain_of(forms: Sequence[TargetForm]) -> Any:
    """What `forms_in` reads under the key target of a task's data table: plain JSON.

    Args:
        forms: One for each target, in the order of the task's.
    """
    return forms[0].plain() if len(forms) == 1 else [form.plain() for form in forms]


def targets_of(table: Table, form: TargetForm) -> list[Any]:
    """The target of each row.

    A label is a str, joined labels and indicators are a sorted tuple of str, a number is a float, numbers are a tuple
    of floats. A row without a target has None: its cell is empty, one of its numbers is, or all of its indicators are.
    Joined labels know the empty set: there an empty cell means no label, unless no row of the same split has any, as
    where a file lacks the column. What is there and cannot be used is a `Missing`, whose `reason` is for a
    `SkippedSample`.

    Args:
        table: The table.
        form: How its columns are the target.

    Raises:
        UnknownName: The table lacks a column of the form.
    """
    _require(table, form.columns)
    columns = [table.columns[name] for name in form.columns]
    rows = zip(*columns, strict=True)
    if form.form == "label":
        return [_label(cell, form) for cell in columns[0]]
    if form.form == "number":
        return [_number(cell, form.decimal) for cell in columns[0]]
    if form.form == "numbers":
        return [_together([_number(cell, form.decimal) for cell in row]) for row in rows]
    if form.form == "indicators":
        return [_indicated(row, form.columns) for row in rows]
    if form.form == "hot":
        lists = [pieces_of(cell, form.separator) for cell in columns[0]]
        names = tuple(map(str, range(max(map(len, lists), default=0))))
        return [_indicated(tuple(cells), names) if len(cells) in (0, len(names)) else _UNEVEN for cells in lists]
    labeled = {split for split in set(table.splits) if _has_labels(columns, table.splits == split)}
    pairs = zip(rows, table.splits, strict=True)
    return [_joined(row, form.separator) if split in labeled else None for row, split in pairs]


def _require(table: Table, names: Sequence[str]) -> None:
    for name in names:
        if name not in table.columns:
            raise UnknownName("column", name, table.columns)


def _label(cell: Any, form: TargetForm) -> Any:
    if is_blank(cell):
        return None
    if is_nested(cell):
        return Missing("a list or an object, where a label should be")
    return number_label(label_of(cell), form.decimal) if form.numeric else label_of(cell)


def _number(cell: Any, decimal: str) -> Any:
    if is_missing_number(cell):
        return None
    number = to_number(cell, decimal)
    return Missing(f"{shown(cell)} is no number") if number is None else number


def _together(numbers: list[Any]) -> Any:
    unusable = next((number for number in numbers if isinstance(number, Missing)), None)
    return unusable or (None if None in numbers else tuple(numbers))


def _indicated(cells: tuple[Any, ...], names: tuple[str, ...]) -> Any:
    if all(map(is_missing_number, cells)):
        return None
    states = [False if is_missing_number(cell) else is_on(cell) for cell in cells]
    for name, cell, state in zip(names, cells, states, strict=True):
        if state is None:
            return Missing(f"{shown(cell)} in column {name!r} is neither 0 nor 1")
    return tuple(sorted(name for name, state in zip(names, states, strict=True) if state))


def _has_labels(columns: list[npt.NDArray[Any]], chosen: npt.NDArray[Any]) -> bool:
    return any(not is_blank(cell) for column in columns for cell in column[chosen.astype(bool)])


def _joined(cells: tuple[Any, ...], separator: str) -> Any:
    labels: set[str] = set()
    for cell in cells:
        parts = cell if isinstance(cell, tuple) else (cell,)
        if any(map(is_nested, parts)):
            return Missing("an object or a list of lists, where labels should be")
        if parts is cell:
            labels.update(label_of(part) for part in parts if not is_blank(part))
        elif not is_blank(cell):
            labels.update(parts_of(label_of(cell), separator))
    return tuple(sorted(labels))

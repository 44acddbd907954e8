"""Groups, times and weights of rows: from the columns that the user named to each row's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autosft.contracts.rows import SPLITS
from autosft.contracts.task import Hints, Task
from autosft.errors import BadInput, UnknownName
from autosft.tables.columns import Missing, is_blank, is_nested, label_of, shown
from autosft.tables.numbers import find_decimal, is_missing_number, to_number
from autosft.tables.table import Table
from autosft.tables.times import times_of

_HELD_OUT = SPLITS[1:]
"""The splits whose rows need neither a weight nor a time: nothing learns from them, and nothing splits them."""

_WORDS = {"group": "rows of one {} stay together", "time": "split by time in {}", "weight": "weights in {}"}


def check_roles(table: Table, hints: Hints) -> None:
    """Refuse columns of groups, times and weights that are not there, or something else as well.

    Raises:
        UnknownName: The table lacks a column.
        BadInput: A column is named twice.
    """
    taken = {**dict.fromkeys(hints.inputs, "an input"), **dict.fromkeys(hints.targets, "a target")}
    for role, column in hints.roles.items():
        if column not in table.columns:
            raise UnknownName("column", column, table.columns)
        if column in taken:
            raise BadInput(f"Column {column!r} is named as --{role} and as {taken[column]}; it can be one of them.")
        taken[column] = f"--{role}"


def words_of(roles: Mapping[str, str]) -> str:
    """The columns of groups, times and weights in words for the user, each after a semicolon; empty if there are none.

    Args:
        roles: Columns by `"group"`, `"time"` and `"weight"`, as `Hints.roles` and `Task.roles` give them.
    """
    return "".join(f"; {_WORDS[role].format(f'column {column!r}')}" for role, column in roles.items())


def roles_of(table: Table, task: Task) -> list[dict[str, Any] | Missing]:
    """For each row its `group`, `time` and `weight`, as far as the task names such columns, as fields of a `Row`.

    A row without a group is one by itself. A row that is, or may be, trained on needs a time and a weight: a number of
    0 or more.

    Raises:
        UnknownName: The table lacks a column.
        BadInput: A column holds no times, or the same one throughout, or no weight above 0.
    """
    for column in task.roles.values():
        if column not in table.columns:
            raise UnknownName("column", column, table.columns)
    read = {"group": _groups, "time": _times, "weight": _weights}
    columns = {role: read[role](table, column) for role, column in task.roles.items()}
    rows: list[dict[str, Any] | Missing] = []
    for position, split in enumerate(table.splits):
        row = {role: values[position] for role, values in columns.items()}
        unusable = next((value for value in row.values() if isinstance(value, Missing)), None)
        if unusable and split in _HELD_OUT:
            row = {role: value for role, value in row.items() if not isinstance(value, Missing)}
            unusable = None
        rows.append(unusable or row)
    return rows


def _groups(table: Table, column: str) -> list[str | Missing]:
    def group(cell: Any) -> str | Missing:
        if is_nested(cell):
            return Missing(f"a list or an object in column {column!r}, where a group should be")
        return "" if is_blank(cell) else label_of(cell)

    return [group(cell) for cell in table.columns[column]]


def _times(table: Table, column: str) -> list[float | Missing]:
    cells = table.columns[column]
    times = times_of(cells, column)
    if len(set(times) - {None}) < 2:
        raise BadInput(f"Column {column!r} has the same time in all rows; there is nothing to split them by.")
    return [_unread(cell, column, "time") if time is None else time for cell, time in zip(cells, times, strict=True)]


def _weights(table: Table, column: str) -> list[float | Missing]:
    cells = table.columns[column]
    decimal = find_decimal(cells)

    def weight(cell: Any) -> float | Missing:
        number = None if is_missing_number(cell) or isinstance(cell, bool) else to_number(cell, decimal)
        return _unread(cell, column, "weight, a number of 0 or more") if number is None or number < 0 else number

    weights = [weight(cell) for cell in cells]
    if not any(isinstance(one, float) and one > 0 for one in weights):
        raise BadInput(f"Column {column!r} has no weight above 0 in any of {len(table)} rows.")
    return weights


def _unread(cell: Any, column: str, what: str) -> Missing:
    if is_blank(cell):
        return Missing(f"nothing in column {column!r}")
    return Missing(f"{shown(cell)} in column {column!r} is no {what}")

"""`TargetForm`: how one or several columns are a target. From the columns to the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from autosft.contracts.document import Document
from autosft.errors import BadInput
from autosft.tables.columns import Profile, is_blank, words_of
from autosft.tables.joined import find_separator
from autosft.tables.table import Table

_MOST_CLASSES = 1000
"""More different whole numbers than this are amounts, not classes."""

_SURELY_CLASSES = 20
"""Up to this many different whole numbers are classes, whatever their column is called."""

_REPEATED = 20
"""How often, on average, each of more whole numbers is met if they are classes."""

# fmt: off
_AMOUNTS = frozenset({
    "age", "amount", "area", "count", "days", "distance", "duration", "height", "hours", "income", "length", "minutes",
    "number", "points", "price", "quantity", "rating", "salary", "score", "seconds", "size", "speed", "temperature",
    "time", "value", "views", "votes", "weight", "width", "year", "years",
})
# fmt: on


class TargetForm(Document):
    """How columns are a target; stored in a task, so that every reader of the table agrees.

    Attributes:
        problem: The problem that the target suits.
        columns: The column, or the columns that together are the target.
        form: `"label"`: one label per cell. `"joined"`: several labels per cell, or per row of cells. `"indicators"`: the
            names of columns are labels, cells say whether a row has them. `"number"` and `"numbers"`: one or several numbers.
        separator: Of `"joined"`: what parts the labels of a cell; `"[]"` if cells are written as lists; empty if they are
            lists already, or each holds one label.
        decimal: Of numbers: the decimal sign of each column.
        why: What spoke for it, for the user.
    """

    problem: str
    columns: tuple[str, ...]
    form: Literal["label", "joined", "indicators", "number", "numbers"]
    separator: str = ""
    decimal: str = "."
    why: str = ""


def form_of(table: Table, seen: Mapping[str, Profile], problem: str, why: str) -> TargetForm:
    """The form of chosen columns.

    Args:
        table: The table.
        seen: The profile of each chosen column.
        problem: What the user calls the problem; empty to decide by the cells.
        why: Why these columns.
    """
    names = tuple(seen)
    profiles = list(seen.values())
    numbers = all(one.is_number for one in profiles)
    if problem == "regression":
        return _numbers(seen, problem, why)
    if len(names) > 1:
        if problem == "classification":
            raise BadInput(f"{len(names)} target columns are no classification; name one, or say --problem multilabel.")
        if all(one.kind == "indicator" for one in profiles):
            return TargetForm(problem=problem or "multilabel", columns=names, form="indicators", why=why)
        if numbers and problem != "multilabel":
            return _numbers(seen, problem or "regression", why)
        return TargetForm(problem=problem or "multilabel", columns=names, form="joined", why=why)
    (name,), (one,) = names, profiles
    if one.kind == "list" or problem == "multilabel" or (not problem and one.kind == "text"):
        texts = [cell for cell in table.columns[name] if isinstance(cell, str) and not is_blank(cell)]
        separator = "" if one.kind == "list" else find_separator(texts, sure=problem == "multilabel")
        if separator or one.kind == "list" or problem == "multilabel":
            return TargetForm(
                problem=problem or "multilabel", columns=names, form="joined", separator=separator, why=why
            )
    if not problem and numbers and not are_classes(name, one):
        return _numbers(seen, "regression", why)
    return TargetForm(problem=problem or "classification", columns=names, form="label", why=why)


def are_classes(name: str, seen: Profile) -> bool:
    """Whether a column of numbers rather holds classes: two of any kind, or whole numbers that are few."""
    if seen.distinct <= 2:
        return True
    if seen.kind == "real":
        return False
    if seen.distinct <= _SURELY_CLASSES:
        return 2 * seen.distinct <= seen.filled
    amount = bool(_AMOUNTS & set(words_of(name)))
    return not amount and seen.distinct <= _MOST_CLASSES and _REPEATED * seen.distinct <= seen.filled


def _numbers(seen: Mapping[str, Profile], problem: str, why: str) -> TargetForm:
    decimal = "," if any(one.decimal == "," for one in seen.values()) else "."
    form: Literal["number", "numbers"] = "number" if len(seen) == 1 else "numbers"
    return TargetForm(problem=problem, columns=tuple(seen), form=form, decimal=decimal, why=why)


def check_form(table: Table, form: TargetForm, seen: Mapping[str, Profile]) -> None:
    """Refuse a target from which nothing can be learned.

    Raises:
        BadInput: All cells are missing, all are the same, or each row has its own label.
    """
    for name, one in seen.items():
        where = f"The target column {name!r}"
        if one.kind == "empty":
            raise BadInput(f"{where} has no value in any of {len(table)} rows.")
        if one.kind == "other":
            raise BadInput(f"{where} holds objects, dates or bytes; a target is a label, a list of labels or a number.")
        if form.form.startswith("number") and not one.is_number:
            raise BadInput(f"{where} holds {'texts' if one.kind == 'text' else 'lists'}; a regression needs numbers.")
        if one.distinct < 2 and table.complete and form.form != "indicators":
            raise BadInput(f"{where} has the same value in all {one.filled} rows that have one.")
        if form.form == "label" and one.distinct == one.filled > 2:
            raise BadInput(
                f"{where} has a different value in each of {one.filled} rows, so there are no classes in it."
            )

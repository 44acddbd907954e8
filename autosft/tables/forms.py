"""`TargetForm`: how one or several columns are a target; from what the columns hold to the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from autosft.contracts.document import Document
from autosft.contracts.task import TaskTarget
from autosft.errors import BadInput
from autosft.tables.columns import Profile, is_on, label_of, texts_of, words_of
from autosft.tables.joined import AS_LIST, are_hot, find_separator
from autosft.tables.numbers import is_missing_number
from autosft.tables.table import Table

_SURELY_CLASSES = 20
"""Up to this many different whole numbers are classes, unless their column names an amount."""

_MOST_STEPS = 10
"""Up to this many different amounts are classes, such as ratings of one to five."""

_MOST_CLASSES, _LEAST_ROWS = 1000, 20
"""More whole numbers are classes up to this many, if each is met in so many rows on average and no amount is named."""

_CLASSES = frozenset(
    {"label", "labels", "class", "classes", "category", "intent", "topic", "genre", "species", "speaker"}
)
"""Names of columns whose whole numbers are classes, if each is met twice on average."""

# fmt: off
_AMOUNTS = frozenset({
    "age", "amount", "area", "count", "days", "distance", "duration", "height", "hours", "income", "length", "minutes",
    "number", "points", "price", "quantity", "rating", "salary", "score", "seconds", "size", "speed", "temperature",
    "time", "value", "views", "votes", "weight", "width", "year", "years",
})
# fmt: on

_LEAST_NUMBERS = 0.5
"""A column of which a smaller fraction are numbers is no target of a regression."""

_MOSTLY, _MOST_SAYINGS = 0.5, 3
"""Columns that say yes or no in more of their cells than this, and hold no more different ones than this."""

_MOST_SINGLE, _ROWS_TO_TELL = 0.9, 50
"""Above this fraction of rows with a label of their own, among so many rows, there are no classes."""


class TargetForm(Document):
    """How columns are a target; stored in a task, so that every reader of the table agrees.

    Attributes:
        problem: The problem that the target suits.
        columns: The column, or the columns that together are the target.
        form: `"label"`: one label per cell. `"joined"`: several labels per cell, or in the cells of several columns.
            `"indicators"`: the names of columns are the labels, and cells say whether a row has them. `"hot"`: a list
            per cell says it of each label, which are called by their places, from 0. `"number"` and `"numbers"`: one
            number, or one in each column.
        separator: Of `"joined"` and `"hot"`: what parts the labels of a cell; `"[]"` where cells are written as lists;
            empty where they are lists, or one label each.
        decimal: Of numbers, also as labels: the decimal sign.
        numeric: Of `"label"`: whether all are whole numbers, so that 1 and 1.0 are one, and words such as NA are none.
        why: What spoke for these columns; said, not stored.
    """

    problem: str
    columns: tuple[str, ...]
    form: Literal["label", "joined", "indicators", "hot", "number", "numbers"]
    separator: str = ""
    decimal: str = "."
    numeric: bool = False
    why: str = Field(default="", exclude=True)

    @property
    def target(self) -> TaskTarget:
        """The target as a task has it."""
        return TaskTarget(problem=self.problem, columns=self.columns[0] if len(self.columns) == 1 else self.columns)

    @property
    def words(self) -> str:
        """The form for the user, such as `"labels joined by '|' in column 'labels' (by its name)"`."""
        names = ", ".join(map(repr, self.columns[:8])) + (" …" if len(self.columns) > 8 else "")
        where = f"column {names}" if len(self.columns) == 1 else f"{len(self.columns)} columns {names}"
        how = f"joined by {self.separator!r}" if self.separator not in ("", AS_LIST) else "in lists"
        joined = f"labels {how} in" if len(self.columns) == 1 else "labels in"
        what = {"label": "a label in", "joined": joined, "indicators": "yes or no in", "number": "a number in"}
        what["hot"] = "lists of yes or no in"
        return f"{what.get(self.form, 'numbers in')} {where}" + (f" ({self.why})" if self.why else "")


def form_of(table: Table, seen: Mapping[str, Profile], problem: str, why: str) -> TargetForm:
    """The form of chosen columns.

    Args:
        table: The table.
        seen: The profile of each chosen column.
        problem: What the user calls the problem; empty to decide by the cells.
        why: What spoke for these columns.

    Raises:
        BadInput: The columns do not make the problem.
    """
    names = tuple(seen)
    numeric = all(one.kind == "number" for one in seen.values())
    if problem == "regression":
        return _numbers(seen, problem, why)
    if len(names) == 1:
        return _of_one(table, names[0], seen[names[0]], problem, why)
    if problem == "classification":
        raise BadInput(f"{len(names)} target columns are no classification; name one, or say --problem multilabel.")
    if all(one.indicator or one.kind == "empty" for one in seen.values()):
        return TargetForm(problem=problem or "multilabel", columns=names, form="indicators", why=why)
    if all(one.said > _MOSTLY and one.distinct <= _MOST_SAYINGS for one in seen.values()):
        raise BadInput(_unsaid(table, seen))
    if numeric and not problem:
        return _numbers(seen, "regression", why)
    return TargetForm(problem=problem or "multilabel", columns=names, form="joined", why=why)


def _of_one(table: Table, name: str, seen: Profile, problem: str, why: str) -> TargetForm:
    several, cells = problem == "multilabel", table.columns[name]
    if seen.kind == "list":
        form = "hot" if are_hot(cells, "") else "joined"
        return TargetForm(problem=problem or "multilabel", columns=(name,), form=form, why=why)
    if several or (not problem and seen.kind == "text"):
        separator = find_separator(texts_of(cells), sure=several)
        form = "hot" if separator == AS_LIST and are_hot(cells, separator) else "joined"
        if several or separator:
            return TargetForm(problem="multilabel", columns=(name,), form=form, separator=separator, why=why)
    if not problem and seen.kind == "number" and not _are_classes(name, seen):
        return _numbers({name: seen}, "regression", why)
    return TargetForm(
        problem=problem or "classification",
        columns=(name,),
        form="label",
        decimal=seen.decimal,
        numeric=seen.kind == "number" and seen.whole,
        why=why,
    )


def _unsaid(table: Table, seen: Mapping[str, Profile]) -> str:
    """What is wrong with columns that say yes or no, but for too many cells."""
    name = next(name for name, one in seen.items() if not one.indicator)
    odd = next(label_of(cell) for cell in table.columns[name] if not is_missing_number(cell) and is_on(cell) is None)
    return (
        f"The target column {name!r} says yes or no in {100 * seen[name].said:.0f} % of its cells, in others {odd!r}. "
        "Write 0 or 1, and leave what is unknown empty; or say --problem regression."
    )


def _are_classes(name: str, seen: Profile) -> bool:
    """Whether numbers rather name classes: two of any kind, or few enough that are whole."""
    if seen.distinct <= 2:
        return True
    if not seen.whole:
        return False
    words = set(words_of(name))
    if seen.distinct > _MOST_STEPS and words & _AMOUNTS and not words & _CLASSES:
        return False
    if seen.distinct <= _SURELY_CLASSES or words & _CLASSES:
        return 2 * seen.distinct <= seen.filled
    return seen.distinct <= _MOST_CLASSES and _LEAST_ROWS * seen.distinct <= seen.filled


def _numbers(seen: Mapping[str, Profile], problem: str, why: str) -> TargetForm:
    decimal = "," if any(one.decimal == "," for one in seen.values()) else "."
    form: Literal["number", "numbers"] = "number" if len(seen) == 1 else "numbers"
    return TargetForm(problem=problem, columns=tuple(seen), form=form, decimal=decimal, why=why)


def check_form(table: Table, form: TargetForm, seen: Mapping[str, Profile]) -> None:
    """Refuse a target from which nothing can be learned.

    Raises:
        BadInput: All cells are missing, all are the same, none is a number where one should be, or each row has a label
            of its own.
    """
    for name, one in seen.items():
        where = f"The target column {name!r}"
        if one.kind == "empty":
            raise BadInput(f"{where} has no value in any of {len(table)} rows.")
        if one.kind == "other":
            raise BadInput(f"{where} holds objects or bytes; a target is a label, a list of labels or a number.")
        if form.form in ("number", "numbers") and one.numbers < _LEAST_NUMBERS * one.filled:
            raise BadInput(f"{where} has a number in {one.numbers} of {one.filled} rows; a regression needs numbers.")
        if one.distinct < 2 and table.complete and form.form not in ("indicators", "hot"):
            raise BadInput(f"{where} has the same value in all {one.filled} rows that have one.")
        single = one.distinct == one.filled > (2 if table.complete else _ROWS_TO_TELL)
        rare = one.distinct > _MOST_SINGLE * one.filled > _MOST_SINGLE * _ROWS_TO_TELL and table.complete
        if form.form == "label" and (single or rare):
            raise BadInput(f"{where} has {one.distinct} different values in {one.filled} rows, too many for classes.")

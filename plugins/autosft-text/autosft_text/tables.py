"""Texts in tables: from a table to an inferred task, and to rows. Knows no folder of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from autosft.api import BadInput, Hints, InferredTask, Row, Scan, SkippedSample, Task, UnknownName, printable
from autosft.api.inputs import (
    Table,
    TargetForm,
    forms_in,
    glance,
    holds_any,
    is_table,
    plain_of,
    propose_targets,
    read_table,
    rows_of,
    unlabeled_beside,
    words_of,
)
from autosft_text.columns import names_files, prose_columns, telling_columns
from autosft_text.files import TEXTS
from autosft_text.joining import as_text

_LIMIT = 1000
"""Rows of each file by which it is told whether a table has texts at all."""

_SURE, _BY_LOOKS = 0.95, 0.9
"""Confidence where the user named the texts, and where columns look like texts and nothing else tells anything."""

_KEYS = ("table", "text", "target")


def recognize_table(path: Path, hints: Hints) -> InferredTask | None:
    """Recognize a table with texts; None if it has none.

    Raises:
        BadInput: A hint names no column, or there is no target for the texts.
    """
    table = read_table(path, limit=_LIMIT)
    folder = path if path.is_dir() else path.parent
    for name in (*hints.inputs, *hints.targets, *hints.roles.values()):
        if name not in table.columns:
            raise UnknownName("column", name, table.columns)
    taken = {*hints.targets, *hints.roles.values()}
    texts = list(hints.inputs) or [name for name in prose_columns(table) if name not in taken]
    texts = [name for name in texts if not names_files(table.columns[name], folder)]
    if not texts:
        return None
    table = glance(path, table)
    forms = _targets(table, hints, texts)
    targets = [name for form in forms for name in form.columns]
    texts = [name for name in texts if name not in targets] or texts
    used = [*texts, *targets, *hints.roles.values()]
    unlabeled = [str(one.absolute()) for one in unlabeled_beside(path) if is_table(one) or holds_any(str(one), TEXTS)]
    asked = " and ".join(form.words for form in forms)
    idle = [name for name in table.columns if name not in used]
    more = "".join(f"; unlabelled texts in {printable(one)}" for one in unlabeled)
    telling = set(used) | (set(telling_columns(table)) & set(idle))
    task = Task(
        name=printable(Path(path.resolve().stem)) or "texts",
        modality="text",
        targets=tuple(form.target for form in forms),
        data={
            "table": str(path.absolute()),
            "text": texts,
            "target": plain_of(forms),
        },
        unlabeled=tuple(unlabeled),
        **hints.roles,
    )
    return InferredTask(
        task,
        confidence=_SURE if hints.inputs else _BY_LOOKS * len(used) / len(telling),
        why=f"{table.dialect}; texts in {_listed(texts)}, {asked}{words_of(hints.roles)}{more}",
        unused=(*(f"column {name!r}" for name in idle), *table.unused),
    )


def scan_table(task: Task) -> Scan:
    """Rows with a text and a target, rows without a target, and skipped samples.

    Rows of a validation or test split of which none has a target are left out, and make one skipped sample.

    Raises:
        BadInput: The task's data table is wrong, or its file is missing or has other columns.
    """
    path, texts, forms = _data_of(task)
    table = read_table(path)
    refs = (row.ref for row in _rows(table, texts))
    return rows_of(table, forms, refs, empty="the text is empty", task=task)


def rows_to_answer(path: Path, task: Task) -> tuple[list[Row], tuple[SkippedSample, ...]]:
    """The rows of a table, for a predictor. A table of one column needs no name for it, and a folder no names of
    splits.

    Raises:
        BadInput: The table cannot be read, or lacks a column of texts.
    """
    table, texts = read_table(path), _text_columns(task)
    if len(table.columns) == 1 and len(texts) == 1:
        texts = list(table.columns)
    return list(_rows(table, texts)), table.skipped


def parts_of(given: dict[str, Any], task: Task) -> list[Any]:
    """The parts of a text that a user hands over by column.

    Raises:
        UnknownName: A column of the task's is missing.
    """
    names = _text_columns(task)
    for name in names:
        if name not in given:
            raise UnknownName("column", name, map(str, given))
    return [given[name] for name in names]


def _text_columns(task: Task) -> list[str]:
    """The columns of texts; one called text where the task's texts lie in files."""
    return list(task.data.get("text", ["text"]))


def _rows(table: Table, texts: Sequence[str]) -> Iterator[Row]:
    """All rows, whatever their targets."""
    for name in texts:
        if name not in table.columns:
            raise UnknownName("column", name, table.columns)
    cells = zip(*(table.columns[name] for name in texts), strict=True)
    for place, split, parts in zip(table.places, table.splits, cells, strict=True):
        yield Row(str(place), as_text(parts), (), str(split))


def _targets(table: Table, hints: Hints, texts: Sequence[str]) -> tuple[TargetForm, ...]:
    """The form of each target; a column that says it is one is none of the texts."""
    if not hints.targets and not hints.inputs:
        try:
            forms = propose_targets(table, hints)
            if set(texts) - set(forms[0].columns):
                return forms
        except BadInput:  # some text may look like a target as well
            pass
    return propose_targets(table, hints, exclude=[name for name in texts if name not in hints.targets])


def _data_of(task: Task) -> tuple[Path, list[str], tuple[TargetForm, ...]]:
    """The table, its columns of texts and its targets, checked."""
    where = f"the data table of task {task.name!r}"
    for key in task.data:
        if key not in _KEYS:
            raise UnknownName("key", key, _KEYS, f"(in {where})")
    table, texts = task.data.get("table"), task.data.get("text")
    if not isinstance(table, str) or not table:
        raise BadInput(f"{where}: it needs the key table, the path of a file or folder.")
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, (list, tuple)) or not texts:
        raise BadInput(f"{where}: it needs the key text, the names of the columns of texts.")
    return Path(table), list(map(str, texts)), forms_in(task, where)


def _listed(names: Sequence[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"

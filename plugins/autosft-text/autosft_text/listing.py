"""From what a user hands to a predictor to rows: texts, parts of texts, tables, files and folders of texts."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from autosft.api import BadInput, Row, Rows, Scan, SkippedSample, Task, Unreadable, printable
from autosft.api.inputs import SUFFIXES, is_table, walk
from autosft_text.files import TEXTS, read_file
from autosft_text.joining import as_text
from autosft_text.tables import parts_of, rows_to_answer

_LONGEST_PATH = 4096


def collect(inputs: Sequence[Any], task: Task) -> Scan:
    """Rows to answer, in the order given. An empty text is a text: whoever asks gets an answer.

    Raises:
        BadInput: A path is missing, a table lacks the texts, or an input is no text and no path.
    """
    rows: list[Row] = []
    skipped: list[SkippedSample] = []
    for number, given in enumerate(inputs):
        path = _path_of(given)
        if path is not None:
            rows += _rows_below(path, task, skipped)
        else:
            rows.append(Row(f"input-{number}", _text_of(given, number, task)))
    taken: dict[str, Row] = {}
    for row in rows:
        name, copies = row.id, 1
        while name in taken:  # the same file, given twice, or two of one name
            copies += 1
            name = f"{row.id} ({copies})"
        taken[name] = replace(row, id=name, split="")
    return Scan(Rows.of(taken.values()), skipped=tuple(skipped))


def _path_of(given: Any) -> Path | None:
    """The path that is meant; None if the input is a text.

    Raises:
        BadInput: It is meant as a path, but nothing is there.
    """
    if isinstance(given, str):
        if not given or len(given) > _LONGEST_PATH or "\0" in given or "\n" in given:
            return None
        named = len(given.split()) == 1 and _like_a_path(given)
    elif isinstance(given, Path):
        named = True
    else:
        return None
    path = Path(given)
    try:
        there = path.exists()
    except OSError:  # too long for a name
        there = False
    if named and not there:
        raise BadInput(f"{printable(str(path))}: there is no such file or folder.")
    return path if there else None


def _like_a_path(word: str) -> bool:
    """Whether a word is more likely the path of what is gone, or was mistyped, than a text."""
    return Path(word).suffix.lower() in SUFFIXES or (word.endswith("/") and "://" not in word)


def _rows_below(path: Path, task: Task, skipped: list[SkippedSample]) -> list[Row]:
    """The rows of a table, a file or a folder. Of a folder that has both, a model learned from files answers files."""
    table = is_table(path)
    found = walk(str(path), TEXTS) if path.is_dir() and ("folder" in task.data or not table) else None
    if table and not (found and found.files):
        rows, unfit = rows_to_answer(path, task)
        skipped += unfit
        return rows
    files = [str(path)]
    if found is not None:
        skipped += found.skipped
        files = found.files
        if not files:
            raise BadInput(f"{printable(str(path))}: no table and no texts in this folder or below it.")
    rows: list[Row] = []
    for file in files:
        try:
            rows.append(Row(printable(file), read_file(file)))
        except Unreadable as error:
            skipped.append(SkippedSample(printable(file), str(error)))
    return rows


def _text_of(given: Any, number: int, task: Task) -> str:
    if isinstance(given, str):
        return as_text([given])
    if isinstance(given, Mapping):
        return as_text(parts_of(dict(cast("Mapping[str, Any]", given)), task))
    if isinstance(given, (tuple, list)) and all(part is None or isinstance(part, str) for part in given):
        wanted = len(task.data.get("text", ["text"]))
        if len(given) == wanted:
            return as_text(given)
        raise BadInput(f"{reprlib.repr(given)} has {len(given)} parts; the model was trained on texts of {wanted}.")
    kind = type(given).__name__
    raise BadInput(f"Input {number} is of type {kind}; give a text, its parts, or the path of a table or of texts.")

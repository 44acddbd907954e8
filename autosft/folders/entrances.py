"""What a modality of files calls: inferred tasks, scans and rows to answer. Labels are the names of folders, or in a
table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from autosft.contracts.rows import Scan
from autosft.contracts.task import Hints, InferredTask, Task
from autosft.errors import BadInput
from autosft.folders.files import FileKind
from autosft.folders.listing import rows_of_inputs, scan_folder
from autosft.folders.named import paths_in, recognize_table, scan_table
from autosft.folders.recognition import recognize_folder
from autosft.tables.reading import is_table

LIST = ".txt"
"""How the name of a list of files ends."""


def recognize_files(
    path: Path,
    kind: FileKind,
    modality: str,
    hints: Hints,
    *,
    table: Callable[[Path, Hints], InferredTask | None] | None = None,
) -> InferredTask | None:
    """Recognize a table, or a folder with a subfolder of files per class; None if it is neither.

    Args:
        path: A table, or a folder.
        kind: What files count.
        modality: The name of the modality that recognizes it.
        hints: What the user said of the data.
        table: From a table and the hints to a task; by default one whose table has a column of paths of the kind.

    Raises:
        BadInput: It is of this kind and cannot be used, or a hint names what is not there.
    """
    if not is_table(path):
        return recognize_folder(path, kind, modality, hints)
    try:
        inferred = table(path, hints) if table else recognize_table(path, kind, modality, hints)
        return inferred or recognize_folder(path, kind, modality, hints)
    except BadInput:  # maybe the table is no more than a note beside the folders of classes
        of_columns = hints != Hints(problem=hints.problem, unlabeled=hints.unlabeled)
        inferred = None if of_columns else recognize_folder(path, kind, modality, hints)
        if inferred is None:
            raise
        return inferred


def scan_files(task: Task, kind: FileKind) -> Scan:
    """The rows whose file can be decoded, and skipped samples.

    Args:
        task: As `recognize_files` proposed it.
        kind: What files count, and how one is inspected.

    Raises:
        BadInput: The task's data table is wrong, or what it names is missing.
    """
    return scan_table(task, kind) if "table" in task.data else scan_folder(task, kind)


def collect_files(
    inputs: Sequence[Any], task: Task, kind: FileKind, *, take: Callable[[Any], Any | None], wanted: str
) -> Scan:
    """Rows for a predictor: of files, of folders of files, of the files that tables and lists name, and what else is
    taken. A list is a text file with a path on each line, from where the list lies.

    Args:
        inputs: What the user gave.
        task: What the predictor was trained for; its table says which column has the paths.
        kind: What files count.
        take: From an input that is no path to what a row refers to, or None if it is not known.
        wanted: What may be given, in words.

    Raises:
        BadInput: A path is missing, a folder or table has no file of the kind, or an input is of another type.
    """

    def named(path: Path) -> list[str] | None:
        if path.suffix.lower() == LIST and LIST not in kind.endings:
            lines = path.read_text("utf-8-sig", errors="surrogateescape").splitlines()
            return [str(path.parent / line) for line in lines if line.strip()]
        return paths_in(path, task, kind) if is_table(path) else None

    return rows_of_inputs(inputs, kind, take=take, wanted=wanted, named=named)

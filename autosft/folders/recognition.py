"""From a folder to an inferred task: whether it holds files of one kind by class, and what to say if it nearly does."""

from __future__ import annotations

import os
from pathlib import Path

from autosft.contracts.rows import printable
from autosft.contracts.task import Hints, InferredTask, Task, TaskTarget
from autosft.errors import BadInput
from autosft.folders.files import FileKind, required_entries
from autosft.folders.layout import Survey, require_classes, survey

_NAMED = 20
"""Unused things that an inferred task names; the rest is counted."""

_LEAST_FRACTION = 0.25
"""With a smaller fraction of the files in the folders of classes, such as covers among songs, it is not the data."""

_TABLES = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson", ".xlsx", ".arff")
"""Beside such a file a folder without classes is not refused: another modality may read the table."""


def recognize_folder(path: Path, kind: FileKind, modality: str, hints: Hints) -> InferredTask | None:
    """Recognize a folder with a subfolder per class, maybe below train, valid and test; None if it is not of this kind.

    Args:
        path: The folder.
        kind: What files count.
        modality: The name of the modality that recognizes it.
        hints: What the user said of the data.

    Raises:
        BadInput: There is nothing at the path, it cannot be listed, the files do not make classes, or a hint asks for
            what folders do not give.
    """
    if not path.exists():
        raise BadInput(f"{printable(str(path))}: there is no such file or folder.")
    if not path.is_dir():
        return None
    folder = os.path.abspath(path)  # noqa: PTH100 - resolve() would replace a link's name by its target's
    folders, files = required_entries(folder)
    if not folders and not files:
        raise BadInput(f"{printable(folder)}: the folder is empty.")
    found = survey(folder, kind, apart=hints.unlabeled)
    count = sum(map(found.count, found.files))
    if not count + found.others + found.strays + len(files):
        raise BadInput(f"{printable(folder)}: there are only empty folders in it.")
    fraction = count / (count + found.others) if count else found.strays / max(1, len(files))
    if fraction < _LEAST_FRACTION or (len(found.classes) < 2 and any(path.endswith(_TABLES) for path in files)):
        return None
    require_classes(found, folder)
    _refuse_hints(folder, hints)
    task = Task(
        name=printable(Path(folder).name) or kind.many,
        modality=modality,
        targets=(TaskTarget(problem=hints.problem or "classification"),),
        data={"folder": folder, "layout": found.layout},
    )
    more = len(found.unused) - _NAMED
    unused = (*found.unused[:_NAMED], *([f"and {more} more"] if more > 0 else []))
    return InferredTask(task, confidence=0.95 * fraction, why=_describe(found), unused=unused)


def _refuse_hints(folder: str, hints: Hints) -> None:
    targets = (name for name in hints.targets if name != "label")
    if strange := [*hints.inputs, *targets, *hints.roles.values()]:
        raise BadInput(f"{printable(folder)}: a folder has no column {strange[0]!r}; the subfolders are the labels.")


def _describe(found: Survey) -> str:
    words = {"train": "training", "valid": "validation", "test": "test", "": ""}
    counts = [f"{found.count(split)} {word}".strip() for split, word in words.items() if found.count(split)]
    listing = " and ".join(filter(None, [", ".join(counts[:-1]), counts[-1]]))
    text = f"{listing} {found.kind.many} in {len(found.classes)} folders, one per class"
    if found.nested:
        text += f" ({found.nested} of them in subfolders, which count to the class)"
    return text + (f", and {len(found.unlabeled)} unlabeled {found.kind.many}" if found.unlabeled else "")

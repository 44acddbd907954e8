"""From a folder to a claim: whether it holds images by class, and what to say if it nearly does."""

from __future__ import annotations

import os
from pathlib import Path

from autosft.contracts.task import Claim, Hints, Task
from autosft.errors import BadInput
from autosft_image.files import printable, split_entries
from autosft_image.layout import Survey, require_classes, survey

_NAMED = 20
"""Unused things that a claim names; the rest is counted."""

_LEAST_SHARE = 0.25
"""Fewer images than this among the files of the classes are covers among songs, not the data."""

_TABLES = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".xlsx", ".arff")
"""Beside such a file, images without classes are somebody else's matter."""


def claim(path: Path, hints: Hints) -> Claim | None:
    """Claim a folder of images by class.

    Raises:
        BadInput: There is nothing at the path, or images that do not make classes.
    """
    if not path.exists():
        raise BadInput(f"{printable(str(path))}: there is no such file or folder.")
    if not path.is_dir():
        return None
    folder = os.path.abspath(path)  # noqa: PTH100 - resolve() would replace a link's name by its target's
    folders, files = split_entries(folder)
    if not folders and not files:
        raise BadInput(f"{printable(folder)}: the folder is empty.")
    found = survey(folder)
    images = sum(map(found.count, found.images))
    if not images + found.others + found.strays + len(files):
        raise BadInput(f"{printable(folder)}: there are only empty folders in it.")
    share = images / (images + found.others) if images else found.strays / max(1, len(files))
    if share < _LEAST_SHARE or (_lacks_classes(found) and any(path.endswith(_TABLES) for path in files)):
        return None
    require_classes(found, folder)
    if strange := [*hints.inputs, *(name for name in hints.targets if name != "label")]:
        raise BadInput(f"{printable(folder)}: an image folder has no column {strange[0]!r}; folders are the labels.")
    task = Task(
        name=printable(Path(folder).name) or "images",
        modality="image",
        problems=(hints.problem or "classification",),
        data={"folder": folder, "layout": found.layout},
    )
    more = len(found.unused) - _NAMED
    unused = (*found.unused[:_NAMED], *([f"and {more} more"] if more > 0 else []))
    return Claim(task, confidence=0.95 * share, why=_describe(found), unused=unused)


def _lacks_classes(found: Survey) -> bool:
    return len(found.classes) < 2


def _describe(found: Survey) -> str:
    words = {"train": "training", "valid": "validation", "test": "test", "": ""}
    counts = [f"{found.count(split)} {word}".strip() for split, word in words.items() if found.count(split)]
    listing = " and ".join(filter(None, [", ".join(counts[:-1]), counts[-1]]))
    text = f"{listing} images in {len(found.classes)} folders, one per class"
    return text + (f", and {len(found.unlabeled)} unlabeled images" if found.unlabeled else "")

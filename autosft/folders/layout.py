"""Which folders are splits and which are classes. Reads names and first bytes, never a whole file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from autosft.contracts.rows import SkippedSample, printable
from autosft.errors import BadInput
from autosft.folders.files import (
    FileKind,
    Found,
    Identity,
    holds_any,
    identity,
    required_entries,
    sort_file,
    spared,
    walk,
)
from autosft.tables.folder import SPLIT_WORDS, UNLABELED

LAYOUTS = ("splits", "classes")
"""`"splits"`: train/class/file and so on. `"classes"`: class/file."""


@dataclass
class Survey:
    """A folder of files of one kind, laid out.

    Attributes:
        kind: What files count.
        layout: One of `LAYOUTS`.
        files: Of each split, the files of each class.
        unlabeled: Files without a class that may still be learned from.
        nested: How many files lie in subfolders of a class's folder, whose names mean nothing.
        skipped: What cannot be used, and why.
        others: How many visible files of other kinds lie in the folders of classes.
        strays: How many files of the kind lie beside the folders of the classes.
        unused: Names of files and folders that the task does not use.
    """

    kind: FileKind
    layout: str
    files: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    unlabeled: list[str] = field(default_factory=list[str])
    nested: int = 0
    skipped: list[SkippedSample] = field(default_factory=list[SkippedSample])
    others: int = 0
    strays: int = 0
    unused: list[str] = field(default_factory=list[str])

    @property
    def classes(self) -> list[str]:
        """The names of all classes that have files, sorted."""
        return sorted({name for classes in self.files.values() for name, files in classes.items() if files})

    def count(self, split: str) -> int:
        """How many files a split has."""
        return sum(map(len, self.files.get(split, {}).values()))

    def skip(self, path: str, reason: str, *, lost: bool = False) -> None:
        """Note something that is not used; `lost` as in `SkippedSample`."""
        self.skipped.append(SkippedSample(printable(path), reason, lost))
        self.unused.append(printable(_name(path)))


def survey(folder: str, kind: FileKind, layout: str = "", apart: Sequence[str] = ()) -> Survey:
    """Lay out a folder.

    Args:
        folder: The folder.
        kind: What files count.
        layout: One of `LAYOUTS`; empty to find out which one it is.
        apart: Files and folders that are no part of it, wherever they lie.

    Raises:
        BadInput: The folder, or that of a split, cannot be listed.
    """
    folders, files = required_entries(folder)
    elsewhere = {identity(path) for path in apart} - {None}
    folders = [path for path in folders if identity(path) not in elsewhere]
    files = [path for path in files if not elsewhere or identity(path) not in elsewhere]
    found = Survey(kind, layout or ("splits" if _has_splits(folders, kind) else "classes"))
    above = {identity(folder), *elsewhere}
    _take_strays(found, files)
    if found.layout == "classes":
        _take_classes(found, "", folders, above)
        return found
    for path in folders:
        split = SPLIT_WORDS.get(_name(path).lower())
        if split:
            classes, strays = required_entries(path)
            _take_strays(found, strays, lost=split == "train")  # files of a test folder without labels
            classes = [one for one in classes if identity(one) not in elsewhere]
            _take_classes(found, split, classes, above | {identity(path)})
        elif _name(path).lower() in UNLABELED:
            _take_unlabeled(found, path, above)
        elif holds_any(path, kind):
            found.skip(path, "lies beside the splits and is none of them; not used")
        else:
            found.unused.append(printable(_name(path)))
    return found


def require_classes(found: Survey, folder: str) -> None:
    """Refuse a folder whose files do not make two classes.

    Raises:
        BadInput: Says what was found instead and how to lay the folder out.
    """
    names, many = found.classes, found.kind.many
    folder = printable(folder)
    lay_out = f"Put the {many} of each class into a subfolder named after it, at least two of them."
    if not names and found.strays:
        raise BadInput(f"{folder}: {found.strays} {many}, but no subfolder of {many} per class. {lay_out}")
    if not names:
        raise BadInput(f"{folder}: no {many} in its subfolders. {lay_out}")
    if found.layout == "classes" and all(name.lower() in SPLIT_WORDS for name in names):
        if any(SPLIT_WORDS[name.lower()] == "train" for name in names):
            listing = " and ".join(names)
            raise BadInput(
                f"{folder}: {listing} hold {many}, but no subfolder per class. {lay_out} Do so in each of them."
            )
        raise BadInput(f"{folder}: {', '.join(names)}, but no folder named train. Add it, or rename one of them.")
    if len(names) < 2:
        hint = f" If the classes are the subfolders of {names[0]}, name that folder instead."
        raise BadInput(f"{folder}: just one class with {many}, {names[0]!r}. {lay_out}{hint}")
    if found.layout == "splits" and not found.count("train"):
        raise BadInput(f"{folder}: no {many} in the folder train. {lay_out}")


def _name(path: str) -> str:
    return os.path.basename(path)  # noqa: PTH119


def _has_splits(folders: list[str], kind: FileKind) -> bool:
    """Whether train holds folders of files and is no class itself, as beside bus and car."""
    named = [path for path in folders if _name(path).lower() in SPLIT_WORDS]
    train = [path for path in named if SPLIT_WORDS[_name(path).lower()] == "train"]
    classes = [path for folder in train for path in required_entries(folder)[0] if _name(path).lower() not in UNLABELED]
    if not any(holds_any(path, kind) for path in classes):
        return False
    rest = [path for path in folders if path not in named and _name(path).lower() not in UNLABELED]
    return len(named) > 1 or not any(holds_any(path, kind) for path in rest)


def _take_strays(found: Survey, files: list[str], *, lost: bool = True) -> None:
    for path in files:
        sorted_out = Found()
        sort_file(path, found.kind, sorted_out)
        if sorted_out.files:
            found.strays += 1
            found.skip(path, "lies beside the folders of the classes, so it has no class", lost=lost)
        else:
            found.skipped += spared(sorted_out.skipped)
            found.unused.append(printable(_name(path)))


def _take_classes(found: Survey, split: str, folders: list[str], above: set[Identity]) -> None:
    for path in folders:
        name = _name(path)
        if name.lower() in UNLABELED:
            if split in ("", "train"):
                _take_unlabeled(found, path, above)
            else:  # what belongs to test rows must not be learned from
                found.skip(path, f"unlabeled {found.kind.many} inside {split} are not used")
            continue
        below = walk(path, found.kind, above)
        found.skipped += below.skipped
        found.others += below.others
        if not below.files:
            found.skip(path, f"a folder without {found.kind.many}")
        elif name != printable(name):
            found.skip(path, "its name is not UTF-8; rename it", lost=True)
        else:
            found.files.setdefault(split, {}).setdefault(name, []).extend(below.files)
            found.nested += sum(os.path.dirname(file) != path for file in below.files)  # noqa: PTH120


def _take_unlabeled(found: Survey, path: str, above: set[Identity]) -> None:
    below = walk(path, found.kind, above)
    found.skipped += spared(below.skipped)
    found.unlabeled += below.files

"""What lies under a folder: files of one kind, side files, and what is neither. Knows neither classes nor splits."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from autosft.contracts.rows import SkippedSample, printable
from autosft.errors import BadInput

# fmt: off
_SIDE_ENDINGS = frozenset({
    ".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg",
    ".db", ".html", ".htm", ".pdf", ".log", ".py", ".ipynb", ".sh", ".url", ".lnk", ".doc", ".docx", ".xls",
    ".xlsx", ".mat", ".npy", ".sha256", ".md5",
})
# fmt: on
_HIDDEN = frozenset({"__macosx", "@eadir", "thumbs.db", "desktop.ini"})
_SIDE_NAMES = frozenset({"license", "licence", "readme", "copying", "notice", "makefile"})


@dataclass(frozen=True)
class FileKind:
    """One kind of files that a modality reads.

    Attributes:
        one: A file of it in words, with its article, such as `"an image"`.
        many: Several of them in words, such as `"images"`.
        endings: The endings of their names, in lower case, each with its dot; they count before those of side files.
        starts: Whether the first bytes of the file at a path are of this kind; asked where the ending says nothing.
        inspect: From a path to what a row refers to. Raises `Unreadable`, with the reason in one line, if the file
            cannot be decoded. Called from several threads.
    """

    one: str
    many: str
    endings: frozenset[str]
    starts: Callable[[str], bool]
    inspect: Callable[[str], Any]


@dataclass
class Found:
    """What a walk has met.

    Attributes:
        files: Paths of files of the kind, by their ending or their first bytes, sorted.
        others: How many other visible files there are.
        skipped: Files of no known kind, and folders that cannot be listed.
    """

    files: list[str] = field(default_factory=list[str])
    others: int = 0
    skipped: list[SkippedSample] = field(default_factory=list[SkippedSample])


def hidden(name: str) -> bool:
    """Whether a name is one that systems leave behind, not users."""
    return name.startswith(".") or name.lower() in _HIDDEN


def ending_of(path: str) -> str:
    """The ending of a name with its dot, in lower case; empty if it has none."""
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - a Path per file would double the time of a walk


def head_of(path: str, count: int) -> bytes:
    """The first bytes of a regular file; none if it cannot be read.

    Args:
        path: The file.
        count: How many bytes at most.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a Path per file would double the time of a walk
            return b""
        with open(path, "rb") as stream:  # noqa: PTH123
            return stream.read(count)
    except OSError:
        return b""


def split_entries(folder: str) -> tuple[list[str], list[str]]:
    """The visible subfolders and files of a folder, sorted. Links are followed.

    Raises:
        OSError: It cannot be listed.
    """
    with os.scandir(folder) as entries:
        visible = sorted((entry for entry in entries if not hidden(entry.name)), key=lambda entry: entry.name)
    return [entry.path for entry in visible if entry.is_dir()], [entry.path for entry in visible if not entry.is_dir()]


def required_entries(folder: str) -> tuple[list[str], list[str]]:
    """`split_entries` of a folder without which the data is incomplete.

    Raises:
        BadInput: It cannot be listed.
    """
    try:
        return split_entries(folder)
    except OSError as error:
        raise BadInput(f"{printable(folder)}: the folder cannot be listed ({error.strerror or error}).") from error


def sort_file(path: str, kind: FileKind, found: Found) -> None:
    """Put a visible file where it belongs."""
    name = os.path.basename(path).lower()  # noqa: PTH119 - a Path per file would double the time of a large walk
    ending = ending_of(name)
    side = ending in _SIDE_ENDINGS or name in _SIDE_NAMES
    if ending in kind.endings or (not side and kind.starts(path)):
        found.files.append(path)
        return
    found.others += 1
    if not side:
        found.skipped.append(SkippedSample(printable(path), f"neither {kind.one} nor a known kind of side file"))


Identity = tuple[int, int] | None


def identity(folder: str) -> Identity:
    """What tells a folder from all others, however it is reached; None if it cannot be asked."""
    try:
        status = os.stat(folder)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino


def walk(folder: str, kind: FileKind, seen: Iterable[Identity] = ()) -> Found:
    """Everything below a folder, in sorted order, links followed. No folder is listed twice, however many links lead
    to it, so that circles end and no file is two rows.

    Args:
        folder: Where to begin.
        kind: What files count.
        seen: Identities of folders that are listed elsewhere.
    """
    found = Found()
    for path in _files_below(folder, set(seen), found.skipped):
        sort_file(path, kind, found)
    names = {os.path.splitext(printable(path))[0] for path in found.files} if found.skipped else set[str]()  # noqa: PTH122
    beside = [os.path.splitext(skip.ref)[0] in names for skip in found.skipped]  # noqa: PTH122
    found.skipped = [spared([skip])[0] if one else skip for skip, one in zip(found.skipped, beside, strict=True)]
    return found


def spared(skipped: Iterable[SkippedSample]) -> list[SkippedSample]:
    """The same skipped samples, where no labelled row is lost by them."""
    return [replace(skip, lost=False) for skip in skipped]


def holds_any(folder: str, kind: FileKind) -> bool:
    """Whether there is any file of the kind below; stops at the first."""
    found = Found()
    for path in _files_below(folder, set(), []):
        sort_file(path, kind, found)
        if found.files:
            return True
    return False


def _files_below(folder: str, seen: set[Identity], skipped: list[SkippedSample]) -> Iterator[str]:
    """The visible files, a folder's own before those of its subfolders. Folders may lie deeper than Python recurses."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        name = identity(here)
        if name in seen and name is not None:
            skipped.append(
                SkippedSample(printable(here), "leads to a folder that is listed already; not followed", lost=False)
            )
            continue
        seen.add(name)
        try:
            folders, files = split_entries(here)
        except OSError as error:
            skipped.append(SkippedSample(printable(here), f"the folder cannot be listed ({error.strerror})"))
            continue
        yield from files
        waiting += reversed(folders)

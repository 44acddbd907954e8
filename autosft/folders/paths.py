"""From the cells of a column to files: where paths start, endings that are left out, separators of other systems.

Knows no table, and of a modality just its `FileKind`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from autosft.folders.files import FileKind, ending_of, split_entries
from autosft.tables.columns import label_of
from autosft.tables.folder import SPLIT_WORDS

_MOST_FOLDERS = 200
"""Folders near a table in which its files are looked for."""

_DEEPEST = 2
"""So far below the table's own folder."""

_ENOUGH = 0.5
"""Where this fraction of the cells names files, no other start is looked for."""

_MOST_DROPPED = 8
"""Leading folders that paths may have of another machine."""


@dataclass(frozen=True)
class Start:
    """Where the paths of a table start.

    Attributes:
        folders: By split, as different ones often have a folder each.
        drop: So many leading parts of each path are left out, as they are of another machine.
    """

    folders: Mapping[str, Path]
    drop: int = 0


@dataclass
class Finder:
    """Finds files by cells. Folders are listed once, and only where a cell without an ending asks for it."""

    kind: FileKind
    _stems: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])

    def path_of(self, cell: Any, folder: Path, drop: int = 0) -> str:
        """The file that a cell names, or if there is none, what it would be called; empty if the cell names nothing.

        It is looked for as written, with slashes for backslashes, without some leading folders, and with an ending of
        the kind if just one file of the folder is called so.
        """
        text = "" if cell is None or isinstance(cell, (tuple, dict, bytes)) else label_of(cell)
        if not text or "\0" in text:
            return ""
        parts = [part for part in text.replace("\\", "/").split("/")[drop:] if part != "."]
        path = os.path.join(folder, *parts) if parts and parts[0] else f"/{'/'.join(parts[1:])}"  # noqa: PTH118
        asked = os.path.join(folder, text)  # noqa: PTH118 - Path raises at a name that is too long
        for one in (path, asked):  # a backslash may belong to the name itself
            if os.path.isfile(one):  # noqa: PTH113
                return one
        where, name = os.path.split(path)
        named = self._stems_in(where).get(name, [])
        return os.path.join(where, named[0]) if len(named) == 1 else path  # noqa: PTH118

    def fraction(self, cells: Sequence[Any], folder: Path, drop: int = 0) -> float:
        """The fraction of cells that name a file of the kind."""
        paths = (self.path_of(cell, folder, drop) for cell in cells)
        return sum(os.path.isfile(path) and self._is_of_kind(path) for path in paths) / max(1, len(cells))  # noqa: PTH113

    def _is_of_kind(self, path: str) -> bool:
        return ending_of(path) in self.kind.endings or self.kind.starts(path)

    def start(self, cells: Mapping[str, Sequence[Any]], homes: Mapping[str, Path]) -> tuple[Start, float]:
        """Where paths start, and the fraction of cells that then name a file.

        Args:
            cells: By split, some cells of the column.
            homes: By split, the folder of the table.
        """
        best, most = Start(dict(homes)), -1.0
        nested = any("/" in str(cell) or "\\" in str(cell) for some in cells.values() for cell in some)
        for nearby, drop in product((_within, _around), range(_MOST_DROPPED + 1) if nested else (0,)):
            found = {
                split: self._folder_of(some, nearby(homes[split], split), drop) or (homes[split], 0.0)
                for split, some in cells.items()
            }
            fraction = sum(fraction for _, fraction in found.values()) / max(1, len(found))
            if fraction > most:
                best, most = Start({split: folder for split, (folder, _) in found.items()}, drop), fraction
            if most >= _ENOUGH:
                break
        return best, most

    def _folder_of(self, cells: Sequence[Any], folders: Iterable[Path], drop: int) -> tuple[Path, float] | None:
        """The first of the folders in which most of the cells name a file."""
        best: tuple[Path, float] | None = None
        for folder in folders:
            fraction = self.fraction(cells, folder, drop)
            if best is None or fraction > best[1]:
                best = folder, fraction
            if fraction == 1.0:
                break
        return best

    def _stems_in(self, folder: str) -> dict[str, list[str]]:
        """Names of files of the kind by what they are without their ending."""
        if folder not in self._stems:
            stems: dict[str, list[str]] = {}
            try:
                with os.scandir(folder) as entries:
                    for name in sorted(entry.name for entry in entries):
                        stem, ending = os.path.splitext(name)  # noqa: PTH122
                        if ending.lower() in self.kind.endings:
                            stems.setdefault(stem, []).append(name)
            except (OSError, ValueError):  # no such folder, or a cell that cannot be the name of one
                pass
            self._stems[folder] = stems
        return self._stems[folder]


def _within(home: Path, split: str) -> Iterator[Path]:
    """A table's folder and those below it, the likeliest first; none that is named for another split."""
    yield home
    below = [path for path in _below(home, _DEEPEST) if not _speaks_of_another(path, home, split)]
    yield from sorted(below, key=lambda path: split not in _splits_in(path, home)) if split else below


def _around(home: Path, split: str) -> Iterator[Path]:
    """The folder above a table's folder, and those beside it."""
    yield home.parent
    yield from (path for path in _below(home.parent, 1) if path != home and not _speaks_of_another(path, home, split))


def _below(folder: Path, depth: int) -> Iterable[Path]:
    """Subfolders, level by level."""
    found: list[Path] = []
    level = [folder]
    for _ in range(depth):
        listed = [path for above in level for path in _subfolders(above)]
        found += listed
        level = listed[:_MOST_FOLDERS]
        if len(found) >= _MOST_FOLDERS:
            break
    return found[:_MOST_FOLDERS]


def _subfolders(folder: Path) -> Iterable[Path]:
    try:
        return map(Path, split_entries(str(folder))[0])
    except OSError:  # a folder that may be entered but not listed
        return ()


def _splits_in(path: Path, home: Path) -> set[str]:
    """The splits that a path speaks of, below the table's folder or the one above."""
    parts = path.relative_to(home if path.is_relative_to(home) else home.parent).parts
    return {SPLIT_WORDS[part.lower()] for part in parts if part.lower() in SPLIT_WORDS}


def _speaks_of_another(path: Path, home: Path, split: str) -> bool:
    return bool(split) and bool(_splits_in(path, home) - {split})

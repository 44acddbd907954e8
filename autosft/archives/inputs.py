"""`collected`: rows of inputs, archives among them. Each stands for its folder, and its rows have its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autosft.archives.members import is_archive
from autosft.archives.unpacking import unpacked
from autosft.contracts.rows import Rows, Scan, SkippedSample, printable
from autosft.errors import BadInput


def collected(collect: Callable[[Sequence[Any]], Scan], inputs: Sequence[Any]) -> Scan:
    """What is collected from inputs, with the files of each archive in its place.

    Args:
        collect: Lists inputs as rows, of which a folder stands for all that lies below it.
        inputs: What a user gave.

    Raises:
        BadInput: An archive is damaged, empty or not safe to extract, or an input cannot be used.
        CannotWrite: The cache is full or cannot be written.
    """
    archives = {number: Path(one) for number, one in enumerate(inputs) if _is_packed(one)}
    if not archives:
        return collect(inputs)
    folders = {number: unpacked(path) for number, path in archives.items()}
    names = {printable(folders[number]): printable(path) for number, path in archives.items()}
    try:
        scan = collect([folders.get(number, one) for number, one in enumerate(inputs)])
    except BadInput as refusal:  # the user knows the archive, and not where it was extracted
        raise BadInput(_named(str(refusal), names)) from refusal
    return replace(
        scan,
        rows=Rows.of(replace(row, id=_named(row.id, names)) for row in scan.rows),
        skipped=tuple(SkippedSample(_named(skip.ref, names), _named(skip.reason, names)) for skip in scan.skipped),
    )


def _is_packed(given: Any) -> bool:
    """Whether an input is the path of an archive that is there; it may be a text of several words that ends like one.

    Raises:
        BadInput: One word that ends like an archive, and nothing is there.
    """
    if not isinstance(given, (str, Path)):
        return False
    try:
        if not is_archive(Path(given)):
            return False
        there = Path(given).is_file()
    except OSError:  # too long for a name
        return False
    if not there and len(str(given).split()) == 1:
        raise BadInput(f"{printable(given)}: there is no such file.")
    return there


def _named(words: str, names: Mapping[str, str]) -> str:
    """Words in which archives stand for the folders that they were extracted to."""
    for folder, archive in names.items():
        words = words.replace(folder, archive)
    return words

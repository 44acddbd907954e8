"""`unpacked`: the folder with an archive's content, by the archive's digest, so that it is extracted once.

Complete folders appear under their name at once; what a killed process left half-written is cleared away by the next
one. Whoever needs the room may delete them: they are extracted again when asked for.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from filelock import FileLock

from autosft.archives.extraction import extract
from autosft.contracts.document import sha256_of_file
from autosft.contracts.rows import printable
from autosft.data.store import cache_folder
from autosft.errors import BadInput, CannotWrite
from autosft.folders.files import split_entries

_NOTES = frozenset({"readme", "license", "licence", "copying", "notice", "citation"})
"""Files that may lie beside a single folder without being data."""


def unpacked(path: Path) -> Path:
    """The folder of an archive's content; where all lies in one folder, that one.

    Raises:
        BadInput: The archive is damaged, empty, or not safe to extract.
        CannotWrite: The cache is full or cannot be written.
    """
    if not path.is_file():  # opening a pipe would wait forever
        raise BadInput(f"{printable(path)}: not an ordinary file.")
    try:
        digest = sha256_of_file(path)
    except OSError as error:
        raise BadInput(f"{printable(path)}: cannot be read ({error.strerror}).") from error
    home = cache_folder() / "archives"
    whole, draft = home / digest, home / f"{digest}.draft"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f"{digest}.lock"):
            if not whole.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir()
                try:
                    extract(path, draft)
                    draft.rename(whole)
                finally:
                    shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise CannotWrite(
            f"{printable(home)}: cannot be written ({error.strerror}). Set AUTOSFT_CACHE to another folder."
        ) from error
    return _innermost(whole)


def _innermost(folder: Path) -> Path:
    """The first folder on the way down that holds more than one folder."""
    while True:
        folders, files = split_entries(str(folder))
        if len(folders) != 1 or any(Path(file).stem.lower() not in _NOTES for file in files):
            return folder
        folder = Path(folders[0])

"""`extract`: the members of an archive into a folder, or a refusal. Nothing leads out of it, and no bomb goes off.

Files get their names and bytes from the archive, and nothing else: no links, modes, owners or times.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from autosft.archives.members import Member, blocks_of, members_of
from autosft.contracts.rows import printable
from autosft.errors import BadInput, CannotWrite

MOST_MEMBERS = 5_000_000
"""More files than the largest of the usual data sets."""

MOST_RATIO, SMALL = 100, 1 << 30
"""Content of more than `SMALL` bytes may be so many times larger than the archive: texts reach 10, bombs 1,000."""

RESERVE = 1 << 30
"""Bytes of the disk that stay free."""

_DEEPEST = 64
"""Folders within each other."""

_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
"""What speaks against the disk, and not against the archive."""


def extract(path: Path, folder: Path) -> None:
    """Write every member below a folder, which is new.

    Raises:
        BadInput: The archive is damaged, holds nothing, or something that is not safe to extract: names that lead
            outside, links, devices, encrypted members, or far too much.
        CannotWrite: The disk is full or cannot be written.
    """
    load = _Load(path, folder)
    for member in members_of(path):
        parts = _parts(path, member)
        load.take(member)
        if parts:
            with _writing(path, folder, member):
                _write(path, member, folder.joinpath(*parts))
    if not load.files:
        raise BadInput(f"{printable(path)}: there is no file in this archive.")


def _write(path: Path, member: Member, place: Path) -> None:
    (place if member.folder else place.parent).mkdir(parents=True, exist_ok=True)
    if not member.folder:
        with place.open("wb") as target:
            for block in blocks_of(path, member):
                target.write(block)


def _parts(path: Path, member: Member) -> list[str]:
    """The names on the way to a member, checked."""
    name = member.name
    shown = f"{printable(path)}: {name[:200]!r}"
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or re.match(r"[A-Za-z]:(/|$)", name) or ".." in parts or "\0" in name:
        raise BadInput(f"{shown} leads out of the archive's own folder, so nothing of it is extracted.")
    if member.flaw:
        mend = "without a password" if member.flaw == "encrypted" else "with the files themselves (tar -h, zip)"
        raise BadInput(f"{shown} is {member.flaw}, so nothing of the archive is extracted. Pack it {mend}.")
    if len(parts) > _DEEPEST:
        raise BadInput(f"{shown} lies {len(parts)} folders deep; at most {_DEEPEST} are extracted.")
    return parts


@final
class _Load:
    """What has been taken out of an archive so far."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path, self._packed = path, path.stat().st_size
        self._free = shutil.disk_usage(folder).free - RESERVE
        self._bytes = self._members = self.files = 0

    def take(self, member: Member) -> None:
        """Count a member in, before it is written.

        Raises:
            BadInput: The archive is most likely a decompression bomb.
            CannotWrite: The disk has no room for it.
        """
        self._members += 1
        self._bytes += member.size
        self.files += not member.folder
        where = printable(self._path)
        if self._members > MOST_MEMBERS:
            raise BadInput(f"{where}: more than {MOST_MEMBERS:,} members, maybe a bomb. Extract it yourself.")
        if self._bytes > max(SMALL, MOST_RATIO * self._packed):
            raise BadInput(
                f"{where}: its content is over {MOST_RATIO} times larger than the archive, maybe a bomb. "
                "Extract it yourself if it is none."
            )
        if self._bytes > self._free:
            raise CannotWrite(f"{where}: no room to extract it. Make room, or set AUTOSFT_CACHE to another folder.")


@contextmanager
def _writing(path: Path, folder: Path, member: Member) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _ROOM:
            raise CannotWrite(f"{printable(folder)}: cannot be written ({error.strerror}).") from error
        where = f"{printable(path)}: {member.name[:200]!r}"
        raise BadInput(f"{where} cannot be extracted ({error.strerror or error}).") from error

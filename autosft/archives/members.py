"""What an archive holds, one member after the other: zip, and tar plain or compressed. Writes nothing.

Whatever a damaged archive provokes in a decoder becomes one `BadInput`.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from autosft.contracts.rows import printable
from autosft.errors import BadInput

ENDINGS = (
    ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar.zst", ".tzst",
)  # fmt: skip
"""How the names of archives end, in lower case."""

UNREAD = (".7z", ".rar", ".tar.lz", ".tar.z", ".tar.lz4", ".tar.br")
"""Those of archives that cannot be read."""

_BLOCK, _MOST_PADDING = 1 << 20, 64


@dataclass(frozen=True)
class Member:
    """One member.

    Attributes:
        name: As written, with slashes.
        size: The bytes that it has when extracted.
        folder: Whether it is a folder.
        flaw: Why it is neither a folder nor a file that can be extracted; empty if it is.
        open: A stream of its bytes. Of a tar it must be read before the next member is asked for.
    """

    name: str
    size: int
    folder: bool
    flaw: str
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether the name of a file is that of an archive, so that reading it says what is wrong if it is none."""
    return path.name.lower().endswith((*ENDINGS, *UNREAD)) and not path.is_dir()


def stem_of(path: Path) -> str:
    """The name of an archive without its ending."""
    ending = max((one for one in ENDINGS if path.name.lower().endswith(one)), key=len, default="")
    return path.name[: len(path.name) - len(ending)]


def members_of(path: Path) -> Iterator[Member]:
    """The members of an archive, in its order.

    Raises:
        BadInput: It is no archive, damaged, cut off, or in a format that cannot be read.
    """
    if path.name.lower().endswith(UNREAD):
        raise BadInput(f"{printable(path)}: such archives cannot be read. Pack the folder as .zip or .tar.gz.")
    with told(path), path.open("rb") as file:
        head = file.read(512)
        file.seek(0)
        if not head:
            raise BadInput(f"{printable(path)}: the file is empty.")
        yield from _of_zip(file) if head.startswith(b"PK") else _of_tar(_decompressed(path, head, file))


def blocks_of(path: Path, member: Member) -> Iterator[bytes]:
    """The bytes of a member, a megabyte at a time.

    Raises:
        BadInput: They are damaged or cut off.
    """
    with told(path), member.open() as stream:
        while block := stream.read(_BLOCK):
            yield block


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Whatever goes wrong in reading, as one line."""
    try:
        yield
    except BadInput:
        raise
    except NotImplementedError as error:
        raise BadInput(f"{printable(path)}: packed in a way that cannot be read ({error}). Pack it as .zip.") from error
    except Exception as error:  # decoders raise anything: BadZipFile, TarError, zlib.error, EOFError, struct.error, ...
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadInput(f"{printable(path)}: damaged or cut off ({words}). Get or pack it again.") from error


def _of_zip(file: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = info.filename.replace("\\", "/")  # as some programs on Windows write them
            yield Member(name, info.file_size, name.endswith("/"), _flaw_of_zip(info), partial(archive.open, info))


def _flaw_of_zip(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return "encrypted"
    kind = stat.S_IFMT(info.external_attr >> 16)  # what Unix says of the file; 0 from other systems
    if kind in (0, stat.S_IFREG, stat.S_IFDIR):
        return ""
    return "a link" if kind == stat.S_IFLNK else "a device"


class _StrictInfo(tarfile.TarInfo):
    """A header of a tar. `tarfile` takes a broken or missing one behind the first for the end of the archive, and reads
    long names and the like into memory, whatever length they claim."""

    @classmethod
    def fromtarfile(cls, tarfile: Any) -> Any:  # the name of the argument is that of the method which is replaced
        try:
            return super().fromtarfile(tarfile)
        except _END:
            raise
        except _HEADER as error:
            raise _READ(f"a header that is none: {error}") from error

    @classmethod
    def frombuf(cls, buf: Any, encoding: Any, errors: Any) -> Any:
        info = super().frombuf(buf, encoding, errors)
        if (
            info.size < 0
            or (info.size > _BLOCK and info.type in _ABOUT_THE_NEXT)
            or info.type == tarfile.GNUTYPE_SPARSE
        ):
            raise _READ("a header that no archive of files has")
        return info


_END, _HEADER, _READ = tarfile.EOFHeaderError, tarfile.HeaderError, tarfile.ReadError  # pyright: ignore

_ABOUT_THE_NEXT = frozenset({
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
})  # fmt: skip


def _of_tar(stream: Any) -> Iterator[Member]:
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictInfo) as archive:
        while (info := archive.next()) is not None:
            yield Member(info.name, info.size, info.isdir(), _flaw_of_tar(info), partial(_extracted, archive, info))
            archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue] - else a million would stay in memory
    for _ in range(_MOST_PADDING):  # behind the end stand the checksums of what compressed it
        if not stream.read(_BLOCK):
            return


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    if stream is None:
        raise tarfile.ReadError(f"{info.name!r} has no content")
    return stream


def _flaw_of_tar(info: tarfile.TarInfo) -> str:
    if info.isfile() or info.isdir():
        return ""
    return "a link" if info.issym() or info.islnk() else "a device"


def _decompressed(path: Path, head: bytes, file: IO[bytes]) -> Any:
    """The stream of a tar, told by its first bytes."""
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(file)
    if head.startswith(b"BZh"):
        return bz2.open(file)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.open(file)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow

        return pyarrow.CompressedInputStream(file, "zstd")
    if _begins_tar(head):
        return file
    raise BadInput(f"{printable(path)}: neither a zip nor a tar, whatever its name says. Get or pack it again.")


def _begins_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except _END:  # an empty one
        return True
    except _HEADER:
        return False
    return True

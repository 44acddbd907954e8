"""`Document`: a frozen value that is read from a file and written to one. `Sealed`: one that vouches for other files.

It knows how to refuse a wrong key kindly and how a file is replaced whole; it knows no document by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from autosft.errors import BadInput, CannotWrite, UnknownName


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that no reader ever sees half of it.

    Raises:
        CannotWrite: The disk is full, or the folder cannot be written. What was there stays whole.
    """
    with whole_file(path) as stream:
        stream.write(content)


@contextmanager
def whole_file(path: Path) -> Generator[IO[bytes]]:
    """A stream whose content replaces a file in one step at the end; as `write_whole`, for what need not be in memory.

    Raises:
        CannotWrite: The disk is full, or the folder cannot be written. What was there stays whole.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite.at(path, error) from error


def is_draft(path: Path) -> bool:
    """Whether a file is what a process that was killed while it wrote has left; nobody will read it."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def write_json(path: Path, value: Any) -> None:
    """Write plain JSON in one step; NaN and infinity are refused."""
    write_whole(path, _text_of(value).encode())


def _text_of(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_plain(path: Path) -> Any:
    """The plain data in a `.toml` or `.json` file.

    Raises:
        BadInput: The file is missing, unreadable or not well-formed.
    """
    try:
        content = path.read_text(encoding="utf-8")
        return tomllib.loads(content) if path.suffix == ".toml" else json.loads(content)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # the latter by brackets in brackets without end
        raise BadInput(f"{path}: not well-formed ({error}).") from error


def check_schema(plain: Any, schema: int, path: Path) -> None:
    """See that plain data of a file are of the schema that this version of AutoSFT writes and reads.

    Raises:
        BadInput: They are of another.
    """
    found = cast("dict[str, Any]", plain).get("schema_version") if isinstance(plain, dict) else None
    if isinstance(found, int) and found != schema:
        which = "an earlier" if found < schema else "a later"
        raise BadInput(
            f"{path}: written by {which} version of AutoSFT (schema {found}, not {schema}). Go on with that version, "
            "or search anew in another folder."
        )


class Document(BaseModel):
    """A frozen pydantic model without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls, content: Any, where: str) -> Self:
        """Check plain data.

        Raises:
            UnknownName: A key does not exist; names the nearest known one.
            BadInput: A value is wrong; names every wrong field at once.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            problems = error.errors()
        for problem in problems:
            if problem["type"] == "extra_forbidden":
                known = _keys_at(cls, problem["loc"][:-1])
                raise UnknownName("key", str(problem["loc"][-1]), known, f"(in {where})")
        named = [(".".join(map(_shown, problem["loc"])) or "value", problem["msg"]) for problem in problems]
        lines = "; ".join(f"{field}: {problem.removeprefix('Value error, ')}" for field, problem in named)
        raise BadInput(f"{where}: {lines}.")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a `.toml` or `.json` file.

        Raises:
            BadInput: The file is missing, unreadable or not well-formed, or a value is wrong.
        """
        return cls.parse(read_plain(Path(path)), str(path))

    def plain(self) -> dict[str, Any]:
        """The value as plain JSON data."""
        return self.model_dump(mode="json")

    def write(self, path: Path) -> None:
        """Write the value as JSON, in one step."""
        write_json(path, self.plain())


class Sealed(Document):
    """A document that vouches for the files beside it, and for itself.

    Attributes:
        files: The sha256 of every file, by its path from the document's folder.
        digest: The sha256 of all that the document says.
    """

    files: Mapping[str, str] = {}
    digest: str = ""

    def sealed(self) -> Self:
        """The same, with its digest."""
        return self.model_copy(update={"digest": _digest(self.plain())})

    def damage(self, path: Path) -> str:
        """What is wrong with the document, or with a file that it vouches for, in a few words; empty if nothing is.

        The digest is that of the words in the file: a set would be written in another order by another process. The
        file must be what `write` writes, to the byte: many texts stand for the same number. What lies in the folder
        and is not vouched for is not looked at, and nothing outside of it is.

        Args:
            path: Where the document was read.
        """
        try:
            text = path.read_bytes().decode()
            plain = json.loads(text)
            whole = text == _text_of(plain) and _digest(plain) == self.digest
        except ValueError:
            whole = False
        if not whole:
            return f"{path}: damaged (its digest differs)"
        return next((problem for name, digest in self.files.items() if (problem := _reason_of(path, name, digest))), "")


def _reason_of(path: Path, name: str, digest: str) -> str:
    """What is wrong with a file beside a document."""
    if not _lies_below(path.parent, name):
        return f"{path}: it names {name!r}, which leads out of its folder"
    file = path.parent / name
    if not file.is_file():
        return f"{file}: missing"
    try:
        found = sha256_of_file(file)
    except OSError as error:
        return f"{file}: cannot be read ({error.strerror})"
    return "" if found == digest else f"{file}: damaged (its sha256 differs from {path.name})"


def _lies_below(folder: Path, name: str) -> bool:
    """Whether a name stays within the folder, whatever links lie there."""
    parts = PurePosixPath(name).parts
    if not name.isprintable() or "\\" in name or not parts or parts[0] == "/" or ".." in parts:
        return False
    try:
        return (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead in a circle
        return False


def _shown(step: int | str) -> str:
    """A step of a field's path, on one line whatever it holds."""
    return str(step) if str(step).isprintable() else repr(step)


def _digest(plain: dict[str, Any]) -> str:
    return sha256_of(json.dumps({**plain, "digest": ""}, sort_keys=True).encode())


def sha256_of(content: bytes) -> str:
    """The sha256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The known keys of the model, or of the model nested at `location`."""
    for step in location:
        field = model.model_fields.get(str(step))
        nested = field.annotation if field else None
        if not (isinstance(nested, type) and issubclass(nested, BaseModel)):
            break
        model = nested
    return list(model.model_fields)

"""From what a client sent to rows. A client's words are never taken for the path of a file on this machine."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autosft.archives.members import is_archive
from autosft.contracts.rows import Row, SkippedSample
from autosft.errors import AutoSFTError
from autosft.serving.messages import Question
from autosft.tables.reading import is_table

if TYPE_CHECKING:
    from autosft.deploy.predictor import Predictor

_ENDING = re.compile(r"(\.[A-Za-z0-9]{1,16}){0,2}$")
"""What of a file's name is used: it may say what the content is."""


@dataclass(frozen=True)
class Sample:
    """One input: what the client calls it; and a file's content, a text, or the parts of a text."""

    name: str
    given: bytes | str | Mapping[str, str]


def samples_of(question: Question) -> tuple[list[Sample], list[SkippedSample]]:
    """The samples in JSON, and those that are no base64."""
    samples = [Sample(f"text-{number}", text) for number, text in enumerate(question.texts)]
    skipped: list[SkippedSample] = []
    for file in question.files:
        try:
            samples.append(Sample(file.name, base64.b64decode(file.base64, validate=True)))
        except (binascii.Error, ValueError) as error:
            skipped.append(SkippedSample(file.name, f"not base64 ({error})"))
    return samples, skipped


def rows_of(
    predictor: Predictor, samples: Sequence[Sample], folder: Path | None
) -> tuple[list[tuple[str, Row]], list[SkippedSample]]:
    """Rows with the names of the samples that they come from, and what cannot be read.

    Args:
        predictor: Whose modality reads the samples.
        samples: What the client sent.
        folder: An empty folder for the files, which the rows may refer to; None if there are no files.
    """
    rows: list[tuple[str, Row]] = []
    skipped: list[SkippedSample] = []
    for number, sample in enumerate(samples):
        path = (folder or Path()) / f"{number}{_ending(sample.name)}"
        try:
            scan = predictor.collect([_handed(sample, path)])
        except AutoSFTError as error:
            skipped.append(SkippedSample(sample.name, _told(error, path, sample)))
            continue
        skipped += [SkippedSample(sample.name, _told(skip.reason, path, sample)) for skip in scan.skipped]
        if not len(scan.rows) and not scan.skipped:
            skipped.append(SkippedSample(sample.name, "there is nothing in it to answer"))
        rows += [(sample.name, row) for row in scan.rows]
    return rows, skipped


def _handed(sample: Sample, path: Path) -> Any:
    """What the modality is handed.

    Raises:
        AutoSFTError: The file is a table, which could name other files of this machine, or an archive.
    """
    if isinstance(sample.given, str):
        return (sample.given,)  # as the one part of a text: a bare string could be a path
    if isinstance(sample.given, Mapping):
        return dict(sample.given)
    path.write_bytes(sample.given)
    if is_table(path):
        raise AutoSFTError("a table; send its rows one by one, as texts or files")
    if is_archive(path):
        raise AutoSFTError("an archive; send its files one by one")
    return path


def _ending(name: str) -> str:
    found = _ENDING.search(name)
    return found[0] if found else ""


def _told(reason: object, path: Path, sample: Sample) -> str:
    """A reason in which the file, if it is one, is called what the client calls it."""
    if not isinstance(sample.given, bytes):
        return str(reason)
    return str(reason).replace(str(path), sample.name).replace(str(path.parent), "…")

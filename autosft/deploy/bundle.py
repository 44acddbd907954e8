"""A bundle: a folder that predicts. Members, their shares, and the sha256 of every file; nothing is pickled.

`bundle.json` names every file with its checksum, and is checked before anything else is read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from autosft.contracts.document import Document
from autosft.contracts.task import Task
from autosft.errors import BadBundle, BadInput

SCHEMA = 1
MANIFEST = "bundle.json"
MEMBER_FILES = ("member.json", "states.safetensors", "model.safetensors")
"""What `autosft.deploy.member` writes, and a bundle copies."""


class MemberEntry(Document):
    """A member's folder inside the bundle, and its share in the answer; shares add up to 1."""

    folder: str
    share: float


class Bundle(Document):
    """What `bundle.json` holds.

    Attributes:
        schema_version: The version of this format.
        task: What the bundle answers.
        members: Its models.
        files: The sha256 of every file beside `bundle.json`.
        distributions: The installed distributions that its parts come from, with versions.
        scores: The validation score of the best trial under `"valid"`.
        digest: The sha256 of all the above.
    """

    schema_version: int = SCHEMA
    task: Task
    members: tuple[MemberEntry, ...]
    files: Mapping[str, str]
    distributions: Mapping[str, str]
    scores: Mapping[str, float] = {}
    digest: str = ""

    def sealed(self) -> Self:
        """The same, with its digest."""
        content = json.dumps({**self.plain(), "digest": ""}, sort_keys=True)
        return self.model_copy(update={"digest": hashlib.sha256(content.encode()).hexdigest()})


def save_bundle(
    folder: Path,
    task: Task,
    members: Sequence[tuple[Path, float]],
    distributions: Mapping[str, str],
    scores: Mapping[str, float],
) -> None:
    """Copy saved members into a bundle; an older bundle at `folder` is replaced when the new one is whole."""
    draft = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    entries: list[MemberEntry] = []
    files: dict[str, str] = {}
    for number, (source, share) in enumerate(members):
        entries.append(MemberEntry(folder=f"member-{number}", share=share))
        (draft / entries[-1].folder).mkdir(parents=True)
        for name in MEMBER_FILES:
            shutil.copyfile(source / name, draft / entries[-1].folder / name)
            files[f"{entries[-1].folder}/{name}"] = _sha256(draft / entries[-1].folder / name)
    bundle = Bundle(task=task, members=tuple(entries), files=files, distributions=distributions, scores=scores)
    bundle.sealed().write(draft / MANIFEST)
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def open_bundle(folder: Path) -> tuple[Path, Bundle]:
    """Find and check a bundle; a run's folder is accepted because it holds `best/`.

    Raises:
        BadInput: There is no bundle.
        BadBundle: It is of a newer schema, or a file is missing or differs from its checksum.
    """
    if not (folder / MANIFEST).exists():
        if not (folder / "best" / MANIFEST).exists():
            raise BadInput(f"{folder}: no bundle here. Give a bundle (with {MANIFEST}), or a run that has finished.")
        folder = folder / "best"
    try:
        bundle = Bundle.read(folder / MANIFEST)
    except BadInput as error:
        raise BadBundle(f"The bundle's manifest is damaged, or of a newer AutoSFT: {error}") from error
    if bundle.schema_version > SCHEMA:
        raise BadBundle(
            f"{folder}: schema {bundle.schema_version} is newer than this AutoSFT reads ({SCHEMA}). Upgrade autosft."
        )
    if bundle != bundle.sealed():
        raise BadBundle(f"{folder / MANIFEST}: damaged (its digest differs). Copy the whole folder again.")
    for name, digest in bundle.files.items():
        path = folder / name
        if not path.is_file():
            raise BadBundle(f"{path}: missing from the bundle. Copy the whole folder again.")
        if _sha256(path) != digest:
            raise BadBundle(f"{path}: damaged (its sha256 differs from {MANIFEST}). Copy the whole folder again.")
    return folder, bundle


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""A bundle: a folder that predicts. Members, their weights, and the sha256 of every file; nothing is pickled.

`bundle.json` names every file with its checksum, and is checked before anything else is read; what it does not name is
never read. `member.json` does the same in the folder that a trial leaves and a bundle copies.

Checksums find what broke, and what somebody changed who could not change the manifest too. To one who can, a bundle
gives no more than JSON and numbers: no code of it is ever run.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

import numpy.typing as npt
from pydantic import Field, model_validator

from autosft.contracts.backbone import BackboneInfo
from autosft.contracts.document import Document, Sealed, read_plain, sha256_of, write_whole
from autosft.contracts.recipe import Recipe
from autosft.contracts.state import State
from autosft.contracts.task import Task
from autosft.errors import BadBundle, BadInput, CannotWrite
from autosft.host.registry import shown_version

SCHEMA = 3
MANIFEST, CARD = "bundle.json", "README.md"
MEMBER, STATES, MODEL = "member.json", "states.safetensors", "model.safetensors"

ROUNDING = 1e-4
"""By how much the sum of weights may miss 1."""

LARGEST_JSON = 64 * 1024**2
"""Bytes of a JSON file: some hundred times what a vocabulary takes. Parsed it takes ten times as much memory."""


class MemberDocument(Sealed):
    """What `member.json` holds; arrays of the states lie beside it, and so do the weights."""

    recipe: Recipe
    info: BackboneInfo
    license: str
    modality_state: Mapping[str, Any]
    backbone_state: Mapping[str, Any]
    problem_states: tuple[Mapping[str, Any], ...]


class MemberEntry(Document):
    """A member's folder inside the bundle, and its weight in the answer; weights add up to 1."""

    folder: str
    weight: float = Field(ge=0, le=1, allow_inf_nan=False)


class Bundle(Sealed):
    """What `bundle.json` holds.

    Attributes:
        schema_version: The version of this format.
        task: What the bundle answers.
        members: Its models.
        distributions: What its parts come from: installed distributions with their versions, and modules that were
            named, with the sha256 of their files.
        scores: The validation score of the model, or of the ensemble, under `"valid"`; its test score under `"test"`.
        problem_states: What decides over the members' common answers, such as thresholds, for each target; arrays lie
            beside it. Empty for a single member, which has its own.
    """

    schema_version: int = Field(default=SCHEMA, ge=1)
    task: Task
    members: tuple[MemberEntry, ...] = Field(min_length=1)
    distributions: Mapping[str, str]
    scores: Mapping[str, float] = {}
    problem_states: tuple[Mapping[str, Any], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if abs(sum(member.weight for member in self.members) - 1) > ROUNDING:
            raise ValueError("the weights of the members do not add up to 1")
        if len(self.problem_states) not in (0, len(self.task.targets)):
            raise ValueError(f"{len(self.problem_states)} states for {len(self.task.targets)} targets")
        needed = [f"{member.folder}/{name}" for member in self.members for name in (MEMBER, STATES, MODEL)]
        missing = [name for name in [*needed, *([STATES] if self.problem_states else [])] if name not in self.files]
        if missing:
            raise ValueError(f"no checksum of {missing[0]!r}")
        return self

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules among `distributions`: files, or names."""
        return tuple(name for name, version in self.distributions.items() if version.startswith("sha256:"))

    @property
    def made_with(self) -> str:
        """What a person has to have to use it, in a sentence or two."""
        names = ", ".join(f"{name} {shown_version(version)}" for name, version in self.distributions.items())
        again = f" Give {' and '.join(self.modules)} again, with -p or plugins=[…]." if self.modules else ""
        return f"The bundle was made with {names}.{again}"

    def states(self, folder: Path) -> tuple[State, ...]:
        """The states of the problems, given where the bundle lies.

        Raises:
            BadBundle: They are damaged.
        """
        return problem_states_in(folder, self.problem_states)


def problem_states_in(folder: Path, plain: Sequence[Mapping[str, Any]]) -> tuple[State, ...]:
    """The states of the problems, from a document and the arrays beside it.

    Raises:
        BadBundle: They are damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not plain:
        return ()
    try:
        arrays = load_file(folder / STATES)
        return tuple(State.from_plain(one, f"problem-{number}", arrays) for number, one in enumerate(plain))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadBundle(f"{folder}: what decides over the answers cannot be read ({error}).") from error


def member_damage(folder: Path) -> str:
    """What is wrong with the member that a trial left, in a few words; empty if it is sound."""
    try:
        return MemberDocument.read(folder / MEMBER).damage(folder / MEMBER)
    except BadInput as error:
        return str(error).rstrip(".")


def save_bundle(
    folder: Path,
    task: Task,
    members: Sequence[tuple[Path, float]],
    distributions: Mapping[str, str],
    scores: Mapping[str, float],
    states: Sequence[State] = (),
) -> None:
    """Copy saved members into a bundle; an older bundle at `folder` is replaced when the new one is whole.

    Args:
        folder: The bundle's.
        task: What it answers.
        members: Their folders, and their weights, which add up to 1.
        distributions: The installed distributions that its parts come from, with versions.
        scores: See `Bundle`.
        states: For several members, what decides over their common answers.

    Raises:
        BadBundle: A member is missing or damaged.
        CannotWrite: The disk is full, or the folder cannot be written; an older bundle stays.
    """
    with _replaced(folder) as draft:
        files: dict[str, str] = {}
        for number, (source, _) in enumerate(members):
            files |= _copy_member(source, draft, f"member-{number}")
        arrays: dict[str, npt.NDArray[Any]] = {}
        problem_states = tuple(state.plain(f"problem-{number}", arrays) for number, state in enumerate(states))
        if problem_states:
            from safetensors.numpy import save

            content = save(arrays)
            write_whole(draft / STATES, content)
            files[STATES] = sha256_of(content)
        entries = (MemberEntry(folder=f"member-{number}", weight=weight) for number, (_, weight) in enumerate(members))
        bundle = Bundle(
            task=task,
            members=tuple(entries),
            files=files,
            distributions=distributions,
            scores=scores,
            problem_states=problem_states,
        )
        bundle.sealed().write(draft / MANIFEST)


@contextmanager
def _replaced(folder: Path) -> Generator[Path]:
    """A draft of a folder, which takes its place when it is whole; nothing of it is left where it is not."""
    draft, old = (folder.with_name(f".{folder.name}.{ending}") for ending in ("tmp", "old"))
    try:
        shutil.rmtree(draft, ignore_errors=True)
        if old.exists() and not folder.exists():  # a process was killed half-way
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        yield draft
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise CannotWrite.at(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def add_card(folder: Path, card: str, scores: Mapping[str, float]) -> None:
    """Put a model card into a bundle, and scores that were not known when it was saved; the manifest comes last."""
    write_whole(folder / CARD, card.encode())
    bundle = Bundle.read(folder / MANIFEST)
    files = {**bundle.files, CARD: sha256_of(card.encode())}
    changes = {"files": files, "scores": {**bundle.scores, **scores}}
    bundle.model_copy(update=changes).sealed().write(folder / MANIFEST)


def _copy_member(source: Path, draft: Path, name: str) -> dict[str, str]:
    """Copy a member into a bundle's draft, and check the copy; the checksums of its files."""
    target = draft / name
    target.mkdir(parents=True)
    try:
        document = MemberDocument.read(source / MEMBER)
        for file in (MEMBER, *document.files):
            shutil.copyfile(source / file, target / file)
    except (BadInput, FileNotFoundError) as error:
        raise BadBundle(f"{source}: no whole model of a trial ({error}).") from error
    if damage := document.damage(target / MEMBER):
        raise BadBundle(f"{source}: its model cannot be bundled ({damage}).")
    own = sha256_of((target / MEMBER).read_bytes())
    return {f"{name}/{MEMBER}": own, **{f"{name}/{file}": digest for file, digest in document.files.items()}}


def open_bundle(folder: Path) -> tuple[Path, Bundle]:
    """Find and check a bundle; a run's folder is accepted because it holds `best/`.

    Raises:
        BadInput: There is no bundle.
        BadBundle: It is of a newer schema, or a file is missing, differs from its checksum, or lies elsewhere.
    """
    if not (folder / MANIFEST).is_file():
        if not (folder / "best" / MANIFEST).is_file():
            raise BadInput(f"{folder}: no bundle here. Give a bundle (with {MANIFEST}), or a run that has finished.")
        folder = folder / "best"
    bundle = _manifest_of(folder)
    if damage := bundle.damage(folder / MANIFEST):
        raise BadBundle(f"{damage}. Copy the whole folder again.")
    for name in bundle.files:
        if name.endswith(".json"):
            _refuse_huge(folder / name)
    return folder, bundle


def _manifest_of(folder: Path) -> Bundle:
    """What the manifest says; the version first, because a newer one may have other keys.

    Raises:
        BadBundle: It cannot be read, or is of a newer schema.
    """
    _refuse_huge(folder / MANIFEST)
    try:
        plain = read_plain(folder / MANIFEST)
        version = plain.get("schema_version") if isinstance(plain, dict) else None
        if isinstance(version, int) and version > SCHEMA:
            raise BadBundle(f"{folder}: schema {version} is newer than this AutoSFT reads ({SCHEMA}). Upgrade autosft.")
        if version in (1, 2):
            plain = {**plain, "members": _of_schema_2(plain.get("members"))}
        if version == 1:
            plain = {**plain, "task": _of_schema_1(plain.get("task"))}
        return Bundle.parse(plain, str(folder / MANIFEST))
    except BadInput as error:
        raise BadBundle(f"The bundle's manifest is damaged, or no manifest: {error}") from error


def _of_schema_1(task: Any) -> Any:
    """A task as it is now, from one in which problems, their columns and the first one's metric stood apart; what is
    none stays as it is, and is refused as such."""
    if not isinstance(task, dict) or not {"problems", "targets"} <= task.keys():
        return task
    old = cast("dict[str, Any]", task)
    metrics = (old.get("metric", ""), *[""] * len(old["problems"]))
    pairs = zip(old["problems"], old["targets"], metrics, strict=False)
    targets = [{"problem": problem, "columns": columns, "metric": metric} for problem, columns, metric in pairs]
    return {**{key: value for key, value in old.items() if key not in ("problems", "metric")}, "targets": targets}


def _of_schema_2(members: Any) -> Any:
    """Members as they are now, from those whose weight was called their share; what is none stays as it is."""
    if not isinstance(members, list):
        return members
    return [
        {"weight" if key == "share" else key: value for key, value in cast("dict[str, Any]", member).items()}
        if isinstance(member, dict)
        else member
        for member in cast("list[Any]", members)
    ]


def _refuse_huge(file: Path) -> None:
    if (size := file.stat().st_size) > LARGEST_JSON:
        raise BadBundle(f"{file}: {size} bytes of JSON, where no bundle has more than {LARGEST_JSON}.")

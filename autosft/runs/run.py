"""`Run`: the folder of one search, and its lock.

run.json          what is searched: task, settings, plan, versions     data.arrow      rows and their splits
study.db          the study (SQLite)                                   trials/0007/    a trial's record, outputs, member
leaderboard.csv   trials, ranked                                       skipped.csv     files that cannot be used
best/             the bundle                                           result.json     the outcome, written last
starts/           encoders that trials start from                      run.lock        held by the driver
test-outputs/     what the model answered on test rows                 clock.json      seconds used so far
worker.log        what workers print
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, final

from filelock import FileLock, Timeout

from autosft.contracts.document import (
    Document,
    check_schema,
    is_draft,
    read_plain,
    sha256_of,
    sha256_of_file,
    write_json,
    write_whole,
)
from autosft.contracts.outputs import OUTPUT_FILES, SOUP, TEST_OUTPUTS
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import RUN_SCHEMA, Record, Result
from autosft.contracts.rows import Data
from autosft.contracts.task import Hints, Task
from autosft.data.arrow import read_data, write_data
from autosft.deploy.bundle import MEMBER
from autosft.errors import BadInput, RunConflict
from autosft.runs.plan import Plan
from autosft.runs.spec import EXTENDABLE, SearchSpec, grew

DATA, STARTS, REFIT = "data.arrow", "starts", "refit"

BEFORE_RUN_JSON = ("run.lock", "run.holder", DATA)
"""What a driver that was killed at its very start may leave; such a folder can be begun anew."""

OUTPUTS_FRACTION = 0.01
"""The most of the quota that stored outputs may take; beyond, those of the worst trials are deleted."""


class RunDocument(Document):
    """What `run.json` holds; `source` is the path that the user gave, `path_fingerprint` what the files there were
    like, and `hints` what was said of it; `data_sha256` is that of `data.arrow`; `study` is the study's name in its
    database, `generation` how often it was renewed; `plugins` are the modules that were named beside the installed
    plugins, whose sha256 is among the `versions`; `facts` and `warnings` are what the user was told of the data."""

    schema_version: int = RUN_SCHEMA
    source: str = ""
    path_fingerprint: str = ""
    hints: Hints = Hints()
    task: Task
    spec: SearchSpec
    plan: Plan
    study: str = "autosft"
    generation: int = 1
    plugins: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    fingerprint: str
    data_sha256: str = ""
    versions: Mapping[str, str]

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read `run.json`.

        Raises:
            BadInput: It is missing, damaged, or of another version of AutoSFT.
        """
        plain = read_plain(Path(path))
        check_schema(plain, RUN_SCHEMA, Path(path))
        return cls.parse(plain, str(path))


@final
class Run:
    """The folder of one search. Made by `create` or `resume`, which take the lock; `close` gives it back."""

    def __init__(self, folder: Path, document: RunDocument, data: Data) -> None:
        self.folder, self.document, self.data = folder, document, data
        self._lock: FileLock | None = None

    @classmethod
    def create(cls, folder: Path, document: RunDocument, data: Data) -> Self:
        """Write a new run's folder.

        Raises:
            RunConflict: The folder holds something else, or another search runs in it.
            BadInput: The folder cannot be written.
            CannotWrite: The disk is full.
        """
        if folder.exists() and not folder.is_dir():
            raise RunConflict(f"{folder}: is a file. Give a folder with --run.")
        there = folder.iterdir() if folder.exists() else ()
        if any(entry.name not in BEFORE_RUN_JSON and not is_draft(entry) for entry in there):
            raise RunConflict(f"{folder}: exists and is no run of AutoSFT. Give another folder with --run.")
        run = cls(folder, document, data)
        try:
            run._take_lock()
            if (folder / "run.json").exists():
                raise RunConflict(f"{folder}: another search has just begun in it. Give another folder with --run.")
            write_data(folder / DATA, data)
            run.document = document.model_copy(update={"data_sha256": sha256_of_file(folder / DATA)})
            run.document.write(folder / "run.json")
            run.data = read_data(folder / DATA)  # from now on rows are in the file, and no longer in memory
        except BaseException:
            run.close()
            raise
        return run

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The run in a folder, without its lock: what workers see.

        Raises:
            BadInput: There is no run, or its files are damaged.
        """
        document = RunDocument.read(folder / "run.json")
        data = read_data(folder / DATA)
        if data.fingerprint != document.fingerprint:
            raise BadInput(f"{folder / DATA}: of another run than run.json; it cannot go on.")
        return cls(folder, document, data)

    @classmethod
    def resume(cls, folder: Path, task: Task, spec: SearchSpec) -> Self:
        """Take up a run with the same task and settings; a larger budget or more trials extend it. Nothing is written
        before `replan`.

        Raises:
            RunConflict: It is another search, naming the differences, or it is running.
        """
        run = cls.read(folder)
        old = run.document
        if sha256_of_file(folder / DATA) != old.data_sha256:
            raise BadInput(f"{folder / DATA}: damaged or edited since the run began; it cannot go on.")
        differences = _differences(_words_of(old.task), _words_of(task))
        lasting = {key: value for key, value in spec.words().items() if key not in EXTENDABLE}
        differences += _differences(old.spec.words(), lasting)
        limits = {name: (getattr(old.spec, name), getattr(spec, name)) for name in EXTENDABLE}
        smaller = {name: pair for name, pair in limits.items() if pair[0] != pair[1] and not grew(pair[1], pair[0])}
        if run.result() is None:
            differences += [f"{name} was {before}, now {now}" for name, (before, now) in smaller.items()]
        if differences:
            raise RunConflict(
                f"{folder}: holds another search ({'; '.join(differences)}). "
                "Give the same settings to go on with it, or another folder with --run."
            )
        run._take_lock()
        grown = {name: now for name, (_, now) in limits.items() if name not in smaller}
        run.document = old.model_copy(update={"spec": old.spec.model_copy(update=grown)})
        return run

    def close(self) -> None:
        """Give the lock back."""
        if self._lock:
            self._lock.release()

    def trial_folder(self, number: int) -> Path:
        """Where a trial keeps its files."""
        return self.folder / "trials" / f"{number:04d}"

    def seconds_used(self) -> float:
        """Seconds that earlier sessions of this run have used."""
        path = self.folder / "clock.json"
        try:
            return float(json.loads(path.read_text())["seconds"]) if path.exists() else 0.0
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}: damaged ({error}). Delete it, and the clock begins anew.") from error

    def note_seconds(self, seconds: float) -> None:
        """Remember the seconds used so far."""
        write_json(self.folder / "clock.json", {"seconds": seconds})

    def result(self) -> Result | None:
        """The outcome, if the run has finished."""
        path = self.folder / "result.json"
        return Result.read(path) if path.exists() else None

    def finished(self) -> Result | None:
        """The outcome, if there is nothing left to do: neither was the run interrupted, nor has its budget or number
        of trials grown since."""
        result, spec = self.result(), self.document.spec
        if result is None:
            return None
        grown = grew(spec.budget, result.budget) or grew(spec.trials, result.trial_limit)
        room = spec.trials is None or spec.trials > sum(result.trials.values())
        time = spec.budget is None or spec.budget > self.seconds_used()
        return None if time and (result.interrupted or (grown and room)) else result

    def replan(self, **changes: Any) -> None:
        """Go on with another plan, other versions, and maybe another study: fields of the document."""
        self.document = self.document.model_copy(update=changes)
        self.document.write(self.folder / "run.json")

    def start_folder(self, recipe: Recipe) -> Path:
        """Where an encoder lies, or will, by the recipe that makes it. Whatever is installed later, it is what trials
        have started from."""
        return self.folder / STARTS / sha256_of(json.dumps(recipe.plain(), sort_keys=True).encode())[:16]

    def has_start(self, recipe: Recipe) -> bool:
        """Whether the encoder is made."""
        return (self.start_folder(recipe) / MEMBER).exists()

    def drop_starts(self, needed: Collection[Path]) -> bool:
        """Delete the encoders but for these, by their folders; whether there were any."""
        rest = [folder for folder in (self.folder / STARTS).glob("*") if folder not in needed]
        for folder in rest:
            (folder / MEMBER).unlink(missing_ok=True)  # first: without it the others are nothing
            shutil.rmtree(folder)
        return bool(rest)

    def bytes_of_starts(self) -> int:
        """What all encoders take that trials start from."""
        return _bytes_in(self.folder / STARTS)

    def member_folder(self, record: Record) -> Path:
        """Where the model of an ended trial lies, or that of a soup."""
        folder = self.trial_folder(record.number)
        return folder / SOUP if record.ingredients else folder

    def has_model(self, number: int) -> bool:
        """Whether the model of an ended trial is there."""
        return (self.trial_folder(number) / MEMBER).exists()

    def drop_model(self, number: int) -> None:
        """Delete the heavy files of an ended trial; its record stays, and what it answered."""
        (self.trial_folder(number) / MEMBER).unlink(missing_ok=True)  # first: without it the others are no model
        for path in self.trial_folder(number).glob("*"):
            if path.name not in ("record.json", *OUTPUT_FILES):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def drop_outputs(self, number: int) -> None:
        """Delete what an ended trial answered on the validation rows."""
        _drop_outputs(self.trial_folder(number))

    def drop_test_outputs(self) -> None:
        """Delete what an earlier model of the run answered on the test rows."""
        _drop_outputs(self.folder / TEST_OUTPUTS)

    def bytes_of_outputs(self, number: int) -> int:
        """What the answers of a trial take."""
        paths = [self.trial_folder(number) / name for name in OUTPUT_FILES]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def bytes_of(self, number: int) -> int:
        """What a trial's files take."""
        return _bytes_in(self.trial_folder(number))

    def _take_lock(self) -> None:
        """One driver per run; a second is told who holds it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "run.lock", timeout=0.5)
            lock.acquire()
        except Timeout as error:
            holder = (self.folder / "run.holder").read_text() if (self.folder / "run.holder").exists() else "unknown"
            raise RunConflict(f"{self.folder}: another search is running in it ({holder}).") from error
        except OSError as error:
            raise BadInput(f"{self.folder}: cannot be written ({error.strerror}). Give another folder.") from error
        self._lock = lock
        write_whole(self.folder / "run.holder", f"process {os.getpid()} on {socket.gethostname()}".encode())


def _bytes_in(folder: Path) -> int:
    """What all files below a folder take, into which a worker may be writing."""
    total = 0
    for path in (Path(place, name) for place, _, names in os.walk(folder) for name in names):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _drop_outputs(folder: Path) -> None:
    for name in reversed(OUTPUT_FILES):
        (folder / name).unlink(missing_ok=True)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [f"{key} was {old[key]!r}, now {new[key]!r}" for key in new if key in old and old[key] != new[key]]


def _words_of(task: Task) -> dict[str, Any]:
    """What a task says, by names for the user; of the targets the names, and what is said of each."""
    each = {f"{key} of {target.name}": value for target in task.targets for key, value in target.plain().items()}
    return {**task.plain(), "targets": task.target_names, **each}

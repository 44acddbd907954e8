"""`Study`: the stored study, which is the record of trials. `optuna.load_study` and optuna-dashboard open it as it is.

A trial that runs is RUNNING, one that is paused WAITING, one that ended with a score COMPLETE, one that was given up
PRUNED, any other FAIL. What it came to is in its user attribute `record`. The attribute `params` is there where a trial
was carried over from an earlier generation of the study, whose space held values that this one's does not; `teacher`
where earlier trials teach it, with their numbers and weights. SQLite lies in the run's folder, with a write-ahead log;
a PostgreSQL server may go away for a while.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, final

from autosft.contracts.record import Record
from autosft.contracts.space import Space
from autosft.errors import BadInput, CannotWrite, PartMissing
from autosft.runs.spec import without_password
from autosft.search.memory.sampler import Params, distribution_of

T = TypeVar("T")

RECONNECT_SECONDS = 60.0
"""So long a server may be away before the search gives up."""


@final
@dataclass(frozen=True)
class Trial:
    """A trial as it is stored.

    Attributes:
        number: Its number, from 0.
        params: Its parameters.
        distributions: Where they were drawn from, in Optuna's words.
        record: What it came to, or where it paused; None if it is not paused yet.
        running: Whether it was being trained when this was written.
        teacher: The weight of each trial that teaches it, by number.
    """

    number: int
    params: Params
    distributions: Mapping[str, Any]
    record: Record | None
    running: bool
    teacher: Mapping[int, float] = field(default_factory=dict[int, float])


@final
class Study:
    """The trials of one run. One driver writes.

    Args:
        url: Where it is stored, as a URL of SQLAlchemy.
        name: Its name there.

    Raises:
        BadInput: The storage cannot be reached.
        PartMissing: The driver of the database is not installed.
    """

    def __init__(self, url: str, name: str) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._states = optuna.trial.TrialState
        self._database_errors, self._finished = _database_errors(), optuna.exceptions.UpdateFinishedTrialError
        self._where = _place_of(url)
        self._patience = 0.0 if url.startswith("sqlite") else RECONNECT_SECONDS
        self._storage = _storage_at(url, name)
        self._study_id = self._storage.get_study_id_from_name(name)
        self._ids: dict[int, int] = {}

    def close(self) -> None:
        """Let go of the storage."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def trials(self) -> list[Trial]:
        """Every trial, in order."""
        stored = sorted(self._storage.get_all_trials(self._study_id, deepcopy=False), key=lambda trial: trial.number)
        return [
            Trial(
                number=trial.number,
                params=trial.user_attrs.get("params") or dict(trial.params),
                distributions=trial.distributions,
                record=Record.model_validate_json(trial.user_attrs["record"]) if "record" in trial.user_attrs else None,
                running=trial.state == self._states.RUNNING,
                teacher=dict(trial.user_attrs.get("teacher", ())),
            )
            for trial in stored
        ]

    def carry_over(self, name: str, space_of: Callable[[Params], Space]) -> None:
        """Copy every trial, under its number, into a new study; Optuna allows no other choices within one.

        Args:
            name: The new study's name. What a killed driver left under it is replaced.
            space_of: Where a trial's parameters would come from now.
        """
        import optuna
        from optuna.trial import create_trial

        stored = sorted(self._storage.get_all_trials(self._study_id, deepcopy=False), key=lambda trial: trial.number)

        def carry() -> None:
            with suppress(KeyError):
                optuna.delete_study(study_name=name, storage=self._storage)
            optuna.create_study(study_name=name, storage=self._storage, direction="maximize")
            study = self._storage.get_study_id_from_name(name)
            for trial in stored:
                params: Params = trial.user_attrs.get("params") or dict(trial.params)
                space = space_of(params)
                fit = {key: value for key, value in params.items() if key in space and space[key].holds(value)}
                template = create_trial(
                    state=trial.state,
                    values=trial.values,
                    params=fit,
                    distributions={key: distribution_of(space[key]) for key in fit},
                    user_attrs={**trial.user_attrs, **({"params": params} if fit != params else {})},
                    intermediate_values=trial.intermediate_values,
                )
                self._storage.create_new_trial(study, template)

        self._written(carry)

    def start(self, params: Params, space: Space, teacher: Mapping[int, float]) -> Trial:
        """Begin a trial with these parameters, taught by earlier ones with these weights."""
        from optuna.trial import create_trial

        attributes: dict[str, Any] = {"mark": (mark := uuid.uuid4().hex)}
        attributes |= {"teacher": list(teacher.items())} if teacher else {}
        distributions = {name: distribution_of(parameter) for name, parameter in space.items()}
        frozen = create_trial(
            state=self._states.RUNNING, params=params, distributions=distributions, user_attrs=attributes
        )

        attempts = itertools.count()

        def begin() -> int:
            if next(attempts):  # the answer of an earlier one was lost with the connection
                running = self._storage.get_all_trials(self._study_id, deepcopy=False, states=(self._states.RUNNING,))
                for trial in running:
                    if trial.user_attrs.get("mark") == mark:
                        return trial.number
            # In one transaction: a driver killed half-way leaves either the whole trial or none.
            return self._storage.get_trial_number_from_id(self._storage.create_new_trial(self._study_id, frozen))

        number = self._written(begin)
        return Trial(number, params, distributions, record=None, running=True, teacher=teacher)

    def pause(self, record: Record) -> None:
        """Note where a trial paused."""
        self._note(record, self._states.WAITING, None)

    def resume(self, number: int) -> None:
        """A paused trial is being trained again."""
        self._written(lambda: self._storage.set_trial_state_values(self._id(number), self._states.RUNNING))

    def finish(self, record: Record) -> None:
        """End a trial. A score that is missing or not finite fails it, and is never best."""
        score = score_of(record) if record.state == "done" else None
        state = self._states.FAIL if score is None else self._states.COMPLETE
        if record.state == "stopped":
            state = self._states.PRUNED
        self._note(record, state, None if score is None else [score])

    def _note(self, record: Record, state: Any, values: list[float] | None) -> None:
        trial = self._id(record.number)

        def note() -> None:
            try:
                for step, epoch in enumerate(record.epochs, start=1):
                    if epoch.score is not None and math.isfinite(epoch.score):
                        self._storage.set_trial_intermediate_value(trial, step, epoch.score)
                # The record goes in first: a trial that is told without one would look finished, but hold nothing.
                self._storage.set_trial_user_attr(trial, "record", record.model_dump_json())
                self._storage.set_trial_state_values(trial, state, values)
            except self._finished:  # by an attempt whose answer was lost with the connection
                return

        self._written(note)

    def _id(self, number: int) -> int:
        if number not in self._ids:
            self._ids[number] = self._written(
                lambda: self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
            )
        return self._ids[number]

    def _written(self, write: Callable[[], T]) -> T:
        """Write, again and again while a server is away; every write may be repeated.

        Raises:
            CannotWrite: The disk is full, or the server does not come back.
        """
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return write()
            except self._database_errors as error:
                if time.monotonic() >= deadline:
                    raise CannotWrite(f"{self._where}: cannot be written ({_reason(error)}).") from error
                time.sleep(1.0)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


def check_storage(url: str) -> None:
    """See that studies can be stored there.

    Raises:
        BadInput: The storage cannot be reached.
        PartMissing: The driver of the database is not installed.
    """
    storage = _storage_at(url)
    storage.remove_session()
    storage.engine.dispose()


def _storage_at(url: str, name: str = "") -> Any:
    """The storage, opened; with a study, if it is given a name."""
    import optuna

    try:
        storage = optuna.storages.RDBStorage(_with_driver(url), engine_kwargs={"pool_pre_ping": True})
        _tune(storage.engine)
        if name:
            optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    except (*_database_errors(), ValueError) as error:
        raise BadInput(f"{_place_of(url)}: cannot be opened ({_reason(error)}).") from error
    return storage


def _place_of(url: str) -> str:
    """Where a storage is, without who opens it."""
    return without_password(url).rpartition("@")[2]


def score_of(record: Record) -> float | None:
    """The record's score, if it is a number."""
    return record.score if record.score is not None and math.isfinite(record.score) else None


def _database_errors() -> tuple[type[Exception], ...]:
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return (StorageInternalError, SQLAlchemyError)


def _reason(error: Exception) -> str:
    """The first line of what the database said."""
    cause = error.__cause__ or error
    return str(getattr(cause, "orig", cause)).strip().splitlines()[0]


def _with_driver(url: str) -> str:
    """PostgreSQL through psycopg 3, unless the user names another driver."""
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        return url
    if importlib.util.find_spec("psycopg") is None:
        raise PartMissing("PostgreSQL needs psycopg. Install it with: pip install 'autosft[postgresql]'")
    return f"postgresql+psycopg{separator}{rest}"


def _tune(engine: Any) -> None:
    """A write-ahead log halves what a trial costs in SQLite; no commit is lost when the process is killed."""
    if engine.dialect.name != "sqlite":
        return
    from sqlalchemy import event

    def connected(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA busy_timeout=10000")

    event.listen(engine, "connect", connected)
    engine.dispose()

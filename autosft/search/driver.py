"""`run_search`: from a path or a data frame to a result. It opens a run or takes one up; `session.py` drives it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, cast

from autosft.archives.unlabeled import existing
from autosft.contracts.record import Result
from autosft.contracts.settings import parse_settings, texts_of
from autosft.contracts.task import Hints, Task
from autosft.data.checks import summarize, write_skipped
from autosft.data.cores import usable_cores
from autosft.data.facts import facts_of
from autosft.data.store import cache_folder
from autosft.errors import BadInput
from autosft.folders.fingerprint import path_fingerprint
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.runs.footprint import hardware_of
from autosft.runs.plan import make_plan, precheck
from autosft.runs.rows import read_rows
from autosft.runs.run import Run, RunDocument
from autosft.runs.spec import SearchSpec, parse_seconds, without_password
from autosft.runs.versions import installed_versions
from autosft.search.events import Callback, Finished, Noted, Planned, Recognized, SearchEvent
from autosft.search.memory.study import Study, check_storage, sqlite_url
from autosft.search.recognize import check_hints, check_learned_from, recognize, with_metric, with_unlabeled_of
from autosft.search.replan import replan
from autosft.search.session import Session
from autosft.search.space import check_used
from autosft.tables.frames import Frame, is_frame, write_frame

Unlabeled = str | Path | Frame | Sequence[str | Path | Frame]
"""Rows without targets, as a program may give them."""

CHANGED = (
    "the data has changed since the run began, which knows it as it was then; "
    "give another folder with --run to search it as it is now"
)


def run_search(
    data: str | Path | Frame | Task,
    *,
    target: str | Sequence[str] = (),
    inputs: str | Sequence[str] = (),
    problem: str = "",
    unlabeled: Unlabeled = (),
    modality: str = "",
    group: str = "",
    time: str = "",
    weight: str = "",
    budget: str | float | None = "10m",
    trials: int | None = None,
    metric: str = "",
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    precision: str = "auto",
    compile: bool = False,
    workers: int = 1,
    processes_per_trial: int = 1,
    executor: str = "processes",
    backbones: Sequence[str] = (),
    strategies: Sequence[str] = (),
    weights: Sequence[str | Path] = (),
    settings: Mapping[str, Any] | Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    hold_out_test: bool = True,
    transductive: bool = False,
    storage: str = "",
    disk: float = 20.0,
    single: bool = False,
    run: str | Path | None = None,
    callback: Callback | None = None,
    registry: Registry | None = None,
    started: float | None = None,
) -> Result:
    """Find and train the best model for some data, within a budget that includes everything.

    The same call on an unfinished run goes on with it; on a finished one it returns the result; with a larger budget
    or more trials it extends it.

    Args:
        data: A folder or file that an installed modality recognizes, a `task.toml`, a data frame (pandas, Polars,
            PyArrow), or a `Task`. A frame is written into the user's cache under the digest of its content, so that the
            same call with the same content goes on with the same run.
        target: The column of the target, or the columns that together are one; found out by default.
        inputs: The columns of the sample, such as texts or a path; found out by default.
        problem: Such as `"classification"` or `"regression"`; found out by default.
        unlabeled: Rows without targets to learn from: a file, folder, table or archive, a data frame, or several of
            these; refused where none of the allowed strategies learns from such.
        modality: Such as `"image"` or `"text"`; by default the most confident one.
        group: The column of a table whose rows of one value stay on one side of every split.
        time: The column by which rows are split: training rows are the earliest, test rows the latest.
        weight: The column of weights in the loss. Scores count every row alike, as scikit-learn's do.
        budget: Wall clock for everything, as text (`"5m"`) or seconds; None means that only `trials` ends the search.
        trials: The most trials.
        metric: The validation score to maximize; by default the problem's first. Several targets need one each,
            separated by commas: then their mean is maximized.
        seed: Splits, proposals and training derive from it.
        device: Where to train; `"auto"` takes a GPU if there is one.
        threads: CPU threads for training, of all workers together; by default as many as this process may use, or where
            a run goes on as before.
        precision: What encoders compute in while they train, `"float32"`, `"tf32"` (on GPUs alone) or `"bfloat16"`; by
            default the latter on GPUs that have units for it.
        compile: Whether torch compiles encoders that it trains, for which each trial has to wait; where it cannot, for
            want of a compiler, the trials say so and train without.
        workers: How many trials are trained at the same time, each by a process of its own.
        processes_per_trial: How many processes train a trial together, each its part of every batch, and each on a
            GPU of its own where there are several (data parallelism).
        executor: Where the workers run; by default this machine.
        backbones: Shell patterns of backbones to allow; by default every curated one whose weights are at hand.
        strategies: Strategies to allow; by default all.
        weights: Folders or files of weights on this machine, as further candidates.
        settings: Parameters that are fixed, `{"classification.loss": "focal", "lr": 1e-4}`, or narrowed, to a list of
            values or a range: `{"batch_size": [16, 32], "full.lr": "1e-5..1e-3"}`; or texts as on the command line.
            `autosft plugins show` lists those of a part.
        plugins: Python files, or modules by name, to load beside the installed plugins.
        hold_out_test: Whether to hold out a fifth of the rows for a test score where the data gives no test split.
        transductive: Whether to learn from the test rows too, without their targets: the test score then says how well
            these very rows are answered, and not others (transductive learning; Vapnik, 1998).
        storage: A database for the study instead of a SQLite file in the run's folder, such as
            `"postgresql://user@host/database"`. A password in it is not written down.
        disk: Gigabytes that models and checkpoints of trials may take; paused trials are given up beyond.
        single: Whether to take one model even where an ensemble of several is better.
        run: The run's folder; by default `runs/<name of the data>`, for a frame `runs/frame-<digest>`.
        callback: Told what happens.
        registry: The parts; by default those of the installed plugins and of `plugins`.
        started: When the clock began, by `time.monotonic`; now by default.

    Raises:
        BadInput: The data or an option cannot be used.
        NoCandidates: No backbone and strategy fit, or no weights are at hand.
        RunConflict: The folder holds another search, or one that is running.
        PartMissing: No installed plugin offers a part that is named, or the driver of the database is not installed.
        PluginBroken: One of `plugins` does not load, or the executor fails.
        NothingFinished: No trial had a score when the budget ended.
        CannotWrite: The disk is full, or the folder cannot be written; the same call goes on.
        KeyboardInterrupt: The user left with Ctrl-C.
    """
    started = monotonic() if started is None else started
    if budget is None and trials is None:
        raise BadInput("A search needs an end: give a budget, a number of trials, or both.")
    registry, callback = registry or load(plugins), callback or _no_callback
    spec = SearchSpec.parse(
        {
            "budget": parse_seconds(budget) if isinstance(budget, str) else budget,
            "trials": trials,
            "seed": seed,
            "device": device,
            "threads": threads or usable_cores(),
            "precision": precision,
            "compile": compile,
            "workers": workers,
            "processes_per_trial": processes_per_trial,
            "executor": executor,
            "backbones": tuple(backbones),
            "strategies": tuple(strategies),
            "weights": tuple(str(Path(path).resolve()) for path in weights),
            "settings": parse_settings(texts_of(settings)),
            "hold_out_test": hold_out_test,
            "transductive": transductive,
            "storage": without_password(storage),
            "disk": disk,
            "single": single,
        },
        "The settings of the search",
    )
    registry.executor(executor)  # an unknown one is refused before anything is read
    given = data if isinstance(data, Task) else _path_of(data)
    more = existing(list(map(_path_of, _several(unlabeled))), None if isinstance(given, Task) else given)
    hints = Hints(_names(target), _names(inputs), problem, group, time, weight, more)
    task = with_metric(_task_of(given, hints, modality, registry, callback), metric, registry)
    folder = Path(run or Path("runs") / task.name).resolve()
    url = storage or sqlite_url(folder / "study.db")
    if going_on := (folder / "run.json").exists():
        if threads is None:
            spec = spec.model_copy(update={"threads": RunDocument.read(folder / "run.json").spec.threads})
        opened = Run.resume(folder, task, spec)
    else:
        opened = _create(folder, given, hints, task, spec, url, registry, callback)
    with closing(opened):
        if going_on and _has_changed(opened.document, folder):
            callback(Noted(CHANGED))
        if result := opened.finished():
            callback(Finished(result, folder))
            return result
        if going_on:
            replan(opened, url, registry, callback)
        with closing(Study(url, opened.document.study)) as study:
            return Session(opened, registry, study, callback, started).go()


def _path_of(data: str | Path | Frame) -> Path:
    """Where the data lies; a frame is written first."""
    return Path(data) if isinstance(data, (str, Path)) else write_frame(data, cache_folder() / "frames")


def _task_of(given: Task | Path, hints: Hints, modality: str, registry: Registry, callback: Callback) -> Task:
    """The task that was given, or the one that the data is recognized as."""
    if isinstance(given, Task):
        task = given
    else:
        inferred, others = recognize(given, registry, hints, modality)
        callback(Recognized(inferred, tuple(others)))
        task = inferred.task
    check_hints(task, hints, registry)
    return with_unlabeled_of(task, hints)


def _has_changed(document: RunDocument, folder: Path) -> bool:
    """Whether the data of a run are other than when it began, as far as names, sizes and times tell."""
    before = document.path_fingerprint
    return bool(before) and before != path_fingerprint(Path(document.source), folder)


def _several(given: Unlabeled) -> Sequence[str | Path | Frame]:
    """What was given, which may be one or several."""
    single = isinstance(given, (str, Path)) or is_frame(given)
    return cast("Sequence[str | Path | Frame]", [given] if single else given)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _no_callback(event: SearchEvent) -> None:
    """Nobody listens."""


def _create(
    folder: Path,
    given: Task | Path,
    hints: Hints,
    task: Task,
    spec: SearchSpec,
    url: str,
    registry: Registry,
    callback: Callback,
) -> Run:
    """Scan, check, split, plan; nothing is written before all of that went well."""
    if spec.storage:
        check_storage(url)  # else the folder would name a wrong one, and be refused with the right one
    modality = registry.modality(task.modality)
    offers = precheck(task, registry, spec)
    if hints.unlabeled:
        check_learned_from(f"--unlabeled {hints.unlabeled[0]}", offers.strategies)
    if spec.transductive:
        check_learned_from("--transductive", offers.strategies)
    problem = registry.problem(task.targets[0].problem)
    scan, data, about = read_rows(task, spec, modality, problem)
    summary = summarize(scan, data, problem, metric=task.targets[0].metric, names=task.target_names, about=about)
    facts = facts_of(data, problem, modality).model_copy(update=hardware_of(registry, spec))
    plan = make_plan(task, registry, offers, facts, modality.fit(data.train, modality.read))
    check_used(task, registry, plan)
    if described := modality.describe(plan.state):
        summary = replace(summary, facts=(*summary.facts, described))
    for position, one in enumerate(registry.problems_of(task)[1:], start=1):  # the first one's targets are summarized
        one.fit(data.train.with_target(position).target(position))
    source = "" if isinstance(given, Task) else str(given.absolute())
    document = RunDocument(
        source=source,
        path_fingerprint=path_fingerprint(Path(source), folder) if source else "",
        hints=hints,
        task=task,
        spec=spec,
        plan=plan,
        study=f"autosft-{folder.name}-{uuid.uuid4().hex[:8]}" if spec.storage else "autosft",
        plugins=registry.named_modules,
        facts=summary.facts,
        warnings=summary.warnings,
        fingerprint=data.fingerprint,
        versions=installed_versions(registry),
    )
    run = Run.create(folder, document, data)
    try:
        write_skipped(folder / "skipped.csv", scan.skipped)
        callback(Planned(task, folder, summary, plan))
    except BaseException:
        run.close()
        raise
    return run

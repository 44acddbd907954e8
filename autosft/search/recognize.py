"""`recognize`: from a path to a task, by asking every modality. `with_metric`: the task with its score. `check_hints`:
does the task use what the user named? `with_unlabeled_of`: the task with the rows without targets that the user named.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from autosft.archives.members import is_archive, stem_of
from autosft.archives.unpacking import unpacked
from autosft.contracts.modality import Modality
from autosft.contracts.rows import printable
from autosft.contracts.strategy import Strategy
from autosft.contracts.task import Hints, InferredTask, Task
from autosft.errors import BadInput
from autosft.host.registry import Registry


def recognize(
    source: Path, registry: Registry, hints: Hints = Hints(), modality: str = ""
) -> tuple[InferredTask, Sequence[InferredTask]]:
    """The inferred task of the most confident modality, and those of the others; a `.toml` file is read as a task.

    Args:
        source: The data; an archive is extracted first, into the user's cache.
        registry: The parts.
        hints: What the user said of the data.
        modality: The modality to ask; empty means all.

    Raises:
        BadInput: The path is missing, or no modality knows what it holds.
        UnknownName: There is no such modality.
    """
    if not source.exists():
        raise BadInput(f"{source}: no such file or folder.")
    if source.suffix == ".toml":
        return InferredTask(Task.read(source), 1.0, f"task read from {source}"), ()
    asked = [registry.modality(modality)] if modality else list(registry.modalities.values())
    if not is_archive(source):
        inferred_tasks = _inferred_tasks(source, asked, hints)
        return inferred_tasks[0], inferred_tasks[1:]
    folder = unpacked(source)
    try:
        inferred_tasks = [_of_archive(inferred, folder, source) for inferred in _inferred_tasks(folder, asked, hints)]
    except BadInput as refusal:  # the user knows the archive, and not where it was extracted
        raise BadInput(str(refusal).replace(str(folder), str(source))) from refusal
    return inferred_tasks[0], inferred_tasks[1:]


def _inferred_tasks(source: Path, asked: Sequence[Modality], hints: Hints) -> list[InferredTask]:
    """The inferred tasks of the modalities, the most confident first."""
    inferred_tasks: list[InferredTask] = []
    refusals: list[BadInput] = []
    for one in asked:
        try:
            inferred_tasks += filter(None, [one.recognize(source, hints)])
        except BadInput as refusal:  # what is wrong for one modality may be right for another
            refusals.append(refusal)
    if refusals and not inferred_tasks:
        raise refusals[0]
    if not inferred_tasks:
        known = ", ".join(one.name for one in asked) or 'none; run: pip install "autosft[all]"'
        raise BadInput(
            f"{source}: not recognized by any modality asked ({known}). Lay it out as one folder of files per class, "
            "or as a table (CSV, TSV, JSON Lines, Parquet) with a column of texts or of paths, which --inputs names "
            "if it is not found."
        )
    return sorted(inferred_tasks, key=lambda inferred: -inferred.confidence)


def _of_archive(inferred: InferredTask, folder: Path, source: Path) -> InferredTask:
    """The inferred task of an extracted folder, named for the archive."""
    task = inferred.task.model_copy(update={"name": printable(stem_of(source)) or inferred.task.name})
    why = inferred.why.replace(str(folder), str(source))
    return replace(inferred, task=task, why=f"{source.name}, extracted: {why}")


def check_hints(task: Task, hints: Hints, registry: Registry) -> None:
    """Refuse a task that passes over a column of groups, times or weights that the user named.

    Raises:
        BadInput: The data was recognized by a modality that knows no such columns, or the task was given as it is.
    """
    whole = [problem.name for problem in registry.problems_of(task) if not problem.loss_per_row]
    if task.weight and whole:
        raise BadInput(
            f"{whole[0]} has one loss for a whole batch, in which rows cannot weigh more or less: no --weight."
        )
    for role, column in hints.roles.items():
        if task.roles.get(role) != column:
            raise BadInput(
                f"Task {task.name!r} makes no use of --{role} {column}, which is for tables of {task.modality} data; "
                f'in a task.toml write {role} = "{column}".'
            )


def check_learned_from(named: str, strategies: Collection[Strategy]) -> None:
    """Refuse rows without targets that the user named where no strategy would learn from them.

    Args:
        named: What the user named, or the option.
        strategies: Those that are allowed.

    Raises:
        BadInput: None of them does.
    """
    allowed = sorted(one.name for one in strategies)
    if not any("unlabeled" in one.wants for one in strategies):
        raise BadInput(
            f"{named}: would not be used, as none of the allowed strategies ({', '.join(allowed)}) learns from rows "
            "without targets. Leave it out, or allow another strategy."
        )


def with_unlabeled_of(task: Task, hints: Hints) -> Task:
    """The task with the rows without targets that the user named, beside those that lie with the data."""
    return task.model_copy(update={"unlabeled": tuple(dict.fromkeys((*task.unlabeled, *hints.unlabeled)))})


def with_metric(task: Task, metric: str, registry: Registry) -> Task:
    """The task with a metric for each target: the one asked for, the task's own, or its problem's first.

    Args:
        task: The task.
        metric: What the user asks for: a metric for each target, in their order, separated by commas; empty for none.
        registry: The parts.

    Raises:
        BadInput: There are not as many metrics as targets.
        UnknownName: The problem of a target has no such metric.
    """
    problems = registry.problems_of(task)
    asked = [name.strip() for name in metric.split(",")] if metric else [""] * len(problems)
    if len(asked) != len(problems):
        raise BadInput(
            f"--metric {metric} names {len(asked)}, and task {task.name!r} has {len(problems)} targets "
            f"({', '.join(task.target_names)}): name one for each, in this order, separated by commas."
        )
    named = zip(asked, task.targets, problems, strict=True)
    return task.with_metrics([problem.metric(name or target.metric).name for name, target, problem in named])

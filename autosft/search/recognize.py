"""`recognize`: from a path to a task, by asking every modality. `with_metric`: the task with its score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autosft.contracts.task import Claim, Hints, Task
from autosft.errors import BadInput, UnknownName
from autosft.host.registry import Registry


def recognize(
    source: Path, registry: Registry, hints: Hints = Hints(), modality: str = ""
) -> tuple[Claim, Sequence[Claim]]:
    """The claim of the most confident modality, and those of the others; a `.toml` file is read as a task.

    Args:
        source: The data.
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
        return Claim(Task.read(source), 1.0, f"task read from {source}"), ()
    asked = [registry.modality(modality)] if modality else list(registry.modalities.values())
    claims: list[Claim] = []
    refusals: list[BadInput] = []
    for one in asked:
        try:
            claims += filter(None, [one.recognize(source, hints)])
        except BadInput as refusal:  # what is wrong for one modality may be right for another
            refusals.append(refusal)
    if refusals and not claims:
        raise refusals[0]
    if not claims:
        known = ", ".join(one.name for one in asked) or 'none; run: pip install "autosft[all]"'
        raise BadInput(
            f"{source}: not recognized by any modality asked ({known}). Lay it out as one "
            "folder of files per class, or as a table (CSV, TSV, JSON Lines, Parquet) whose target --target names."
        )
    claims.sort(key=lambda claim: -claim.confidence)
    return claims[0], claims[1:]


def with_metric(task: Task, metric: str, registry: Registry) -> Task:
    """The task with a metric: the one asked for, the task's own, or the problem's first.

    Raises:
        UnknownName: The task's problem has no such metric.
    """
    metrics = registry.problem(task.problems[0]).metrics
    chosen = metric or task.metric or metrics[0]
    if chosen not in metrics:
        raise UnknownName("metric", chosen, metrics, "`autosft metrics` says what each is.")
    return task.model_copy(update={"metric": chosen})

"""`recognize`: from a path to a task, by asking every modality."""

from __future__ import annotations

from pathlib import Path

from autosft.contracts.task import Claim, Task
from autosft.errors import BadInput, UnknownName
from autosft.host.registry import Registry


def recognize(source: Path, registry: Registry) -> Claim:
    """The claim of the most confident modality; a `.toml` file is read as a task.

    Raises:
        BadInput: The path is missing, or no installed modality knows what it holds.
    """
    if not source.exists():
        raise BadInput(f"{source}: no such file or folder.")
    if source.suffix == ".toml":
        return Claim(Task.read(source), 1.0, f"task read from {source}")
    claims = [claim for modality in registry.modalities.values() if (claim := modality.recognize(source))]
    if not claims:
        known = ", ".join(registry.modalities) or 'none; run: pip install "autosft[image]"'
        raise BadInput(
            f"{source}: not recognized by any installed modality ({known}). "
            "For images, lay it out as one folder per class, or as train/ and test/ with one folder per class each."
        )
    return max(claims, key=lambda claim: claim.confidence)


def with_metric(task: Task, metric: str, registry: Registry) -> Task:
    """The task with a metric: the one asked for, the task's own, or the problem's first.

    Raises:
        UnknownName: The task's problem has no such metric.
    """
    metrics = registry.problem(task.problems[0]).metrics
    chosen = metric or task.metric or metrics[0]
    if chosen not in metrics:
        raise UnknownName("metric", chosen, metrics, f"(for {task.problems[0]})")
    return task.model_copy(update={"metric": chosen})

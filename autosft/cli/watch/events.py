"""`Events`: a search as one JSON document a line, for programs. docs/reference/terminal.md says what each holds.

Names and keys stay: new ones may come. Scores and losses that are not finite, and times without an end, are null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any, Self, cast

from autosft.contracts.record import Record
from autosft.errors import AutoSFTError
from autosft.search.events import (
    Continued,
    EpochFinished,
    Finished,
    Finishing,
    Noted,
    Planned,
    Recognized,
    SearchEvent,
    TrialFinished,
    TrialPaused,
    TrialResumed,
    TrialStarted,
)

Body = dict[str, Any]


class Events:
    """Watches a search and writes what happens. What ends it with an error is an event too, named `failed`."""

    def __init__(self, to: IO[str]) -> None:
        self._to = to

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, AutoSFTError):
            self._write("failed", {"error": str(error)})

    def __call__(self, event: SearchEvent) -> None:
        """Write one event."""
        self._write(*event_of(event))

    def _write(self, name: str, body: Body) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._to.write(json.dumps(_finite({"event": name, "at": at, **body}), ensure_ascii=False) + "\n")
        self._to.flush()


def event_of(event: SearchEvent) -> tuple[str, Body]:
    """The name of an event, and what it holds beside `event` and `at`."""
    match event:
        case Recognized(inferred, others):
            body: Body = {"task": inferred.task.plain(), "why": inferred.why, "unused": inferred.unused}
            return "recognized", {**body, "others": [one.task.modality for one in others]}
        case Planned():
            return "planned", _planned(event)
        case Continued(task, folder, trials, best):
            return "continued", {
                "task": task.plain(),
                "folder": str(folder),
                "trials": trials,
                "best": best and best.number,
                "best_score": best and best.score,
            }
        case TrialStarted(number, recipe, left) | TrialResumed(number, recipe, left):
            name = "trial_started" if isinstance(event, TrialStarted) else "trial_resumed"
            return name, {"trial": number, "recipe": recipe.plain(), "seconds_left": left}
        case EpochFinished(number, epoch):
            return "epoch_finished", {"trial": number, **epoch.plain()}
        case TrialPaused(record, left, disk):
            return "trial_paused", {**_trial(record), "seconds_left": left, "disk_bytes": disk}
        case TrialFinished(record, best, left, disk):
            leading = {"best": best.number, "best_score": best.score}
            return "trial_finished", {**_trial(record), **leading, "seconds_left": left, "disk_bytes": disk}
        case Noted(text):
            return "noted", {"text": text}
        case Finishing(left):
            return "finishing", {"seconds_left": left}
        case Finished(result, folder):
            return "finished", {"folder": str(folder), "result": result.plain()}


def _planned(event: Planned) -> Body:
    weights = {one.info.name: one.weights for one in event.plan.candidates}
    return {
        "task": event.task.plain(),
        "folder": str(event.folder),
        "facts": event.summary.facts,
        "warnings": event.summary.warnings,
        "backbones": {name: {"license": file.license if file else ""} for name, file in weights.items()},
        "left_out": dict(event.plan.left_out),
    }


def _trial(record: Record) -> Body:
    return {
        "trial": record.number,
        "state": record.state,
        "recipe": record.recipe.plain(),
        "score": record.score,
        "loss": record.loss,
        "epochs": len(record.epochs),
        "seconds": record.seconds,
        "error": record.error,
    }


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(one) for one in cast("Sequence[Any]", value)]
    return value

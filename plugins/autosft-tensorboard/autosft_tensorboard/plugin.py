"""Observes trials and writes their curves, scores and hyperparameters where TensorBoard finds them.

Each trial has one file of events in a folder of its own below `RUN/tensorboard`; events are appended to it: nothing
stays open between two calls, and a search that goes on later adds to what is there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from autosft.api import Epoch, Record, hookimpl

if TYPE_CHECKING:
    from google.protobuf.message import Message

autosft_api = 2

FOLDER = "tensorboard"


@hookimpl
def autosft_epoch_finished(run: Path, trial: int, epoch: Epoch) -> None:
    """The loss and the score, a curve for each stage."""
    numbers = {f"loss/{epoch.stage}": epoch.loss, f"score/{epoch.stage}": epoch.score}
    _append(run, trial, *_scalars(numbers), step=epoch.number)


@hookimpl
def autosft_trial_finished(run: Path, record: Record) -> None:
    """The hyperparameters, and what came of them."""
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    numbers = {"trial/score": record.score, "trial/loss": record.loss, "trial/seconds": record.seconds}
    chosen = hparams_pb(record.recipe.parameters(), trial_id=f"{run.name}/{record.number}")
    _append(run, record.number, chosen, *_scalars(numbers), step=0)


def _scalars(numbers: Mapping[str, float | None]) -> list[Message]:
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    return [scalar_pb(name, number) for name, number in numbers.items() if number is not None]


def _append(run: Path, trial: int, *summaries: Message, step: int) -> None:
    """Add events to the trial's file; a new one begins with the version of the format."""
    from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
    from tensorboard.summary.writer.record_writer import RecordWriter

    now = time.time()
    events = [Event(wall_time=now, step=step, summary=summary) for summary in summaries]
    path = run / FOLDER / f"trial-{trial:04d}" / "events.out.tfevents.0.autosft"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        if not stream.tell():
            events.insert(0, Event(wall_time=now, file_version="brain.Event:2"))
        writer = RecordWriter(stream)
        for event in events:
            writer.write(event.SerializeToString())

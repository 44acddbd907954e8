"""The worker: takes an order, has it worked on by a trial runner, and hands back a record. It never sees the study.

`serve` is the loop of a worker process: orders come in as JSON lines, events go out. Parts, decoded samples and
encoded rows stay warm between orders.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import IO, Any, final

import torch  # noqa: TID253

from autosft.contracts.executor import Event, Order
from autosft.contracts.record import Record
from autosft.errors import LostContact
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.runs.run import Run, RunDocument
from autosft.runs.versions import installed_versions
from autosft.training.device import free_memory, peak_bytes, pick_device
from autosft.training.loop import Emit
from autosft.workers.failures import failed_teachers_of, failure_of, notes_of, seconds_per_row_of
from autosft.workers.group import Group
from autosft.workers.inbox import Inbox
from autosft.workers.runner import TrialRunner


def serve(inbox: Inbox, events: IO[str], *, threads: int, device: str, slot: int, group: Group) -> None:
    """Work on orders until there are no more. If the driver dies while an order is worked on, so does this process."""
    torch.set_num_threads(threads)
    worker = Worker(load(), device, slot, group)

    def send(event: Event) -> None:
        events.write(event.model_dump_json() + "\n")
        events.flush()

    while True:
        order = inbox.next()
        token = order.token
        send(Event(token=token, kind="started", body={"versions": worker.versions(order)}))
        record = worker.work(
            order, lambda epoch, token=token: send(Event(token=token, kind="epoch", body=epoch.plain()))
        )
        send(Event(token=token, kind="done", body=record.plain()))


@final
class Worker:
    """What one worker keeps between orders.

    Args:
        registry: The installed parts; those of modules that a run names come to it.
        device: Where to train, as for `pick_device`. One that cannot be used fails each trial, with the reason.
        slot: Which of several workers this is.
        group: With whom it trains; by default alone.
    """

    def __init__(self, registry: Registry, device: str, slot: int = 0, group: Group | None = None) -> None:
        self._registry, self._wanted, self._group = registry, device, group or Group()
        self._place = slot * self._group.world + self._group.rank
        self._device: torch.device | None = None
        self._runner: TrialRunner | None = None
        self._loaded = ""

    def versions(self, order: Order) -> dict[str, str]:
        """What is installed here, and what the run of an order brings; a module that cannot be loaded is left out here,
        and fails the order."""
        with contextlib.suppress(Exception):
            self._load_modules(order)
        return installed_versions(self._registry)

    def _load_modules(self, order: Order) -> None:
        """See that the modules are loaded that the run of an order names."""
        if self._loaded != order.run:
            if modules := RunDocument.read(Path(order.run) / "run.json").plugins:
                self._registry = load(modules)
            self._loaded = order.run

    def work(self, order: Order, emit: Emit) -> Record:
        """Do what an order says; training leaves a member in the trial's folder. What goes wrong becomes a state."""
        started = time.monotonic()
        done: dict[str, Any] = {"state": "done"}
        try:
            self._device = self._device or pick_device(self._wanted, self._place)
            free_memory(self._device)
            self._load_modules(order)
            if self._runner is None or self._runner.run.folder != Path(order.run):
                self._runner = TrialRunner(Run.read(Path(order.run)), self._registry, self._device, self._group)
            allowed = float("inf") if order.seconds is None else order.seconds
            done |= self._runner.work(order, emit, lambda: allowed - (time.monotonic() - started))
        except Exception as problem:  # it ends this trial, and is shown, but not the search
            done = self._failure(problem)
        peaks = [record.peak_bytes for record in self._group.records]
        if self._device:
            peaks.append(peak_bytes(self._device))
        on_cards = self._device is not None and self._device.type == "cuda"
        return Record(
            number=order.trial,
            recipe=order.recipe,
            seconds=time.monotonic() - started,
            micro_batch=order.micro_batch,
            peak_bytes=max(peaks) if on_cards else sum(peaks),
            **done,
        )

    def _failure(self, problem: Exception) -> dict[str, Any]:
        """The fields of the record of an order that failed."""
        state, error = failure_of(problem)
        for number, record in enumerate(self._group.records if isinstance(problem, LostContact) else (), 2):
            if record.error and LostContact.SAYS not in record.error:
                state, error = record.state, f"process {number} of {self._group.world}: {record.error}"
        notes, per_row, failed_teachers = notes_of(problem), seconds_per_row_of(problem), failed_teachers_of(problem)
        return {
            "state": state,
            "error": error,
            "notes": notes,
            "seconds_per_row": per_row,
            "failed_teachers": failed_teachers,
        }

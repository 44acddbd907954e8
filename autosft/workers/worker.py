"""The worker: takes an order, has it worked on at its bench, and hands back a record. It never sees the study.

`serve` is the loop of a worker process: orders come in as JSON lines, events go out. Parts, decoded samples and
encoded rows stay warm between orders.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any, final

import torch  # noqa: TID253

from autosft.contracts.executor import Event, Order
from autosft.contracts.record import Record
from autosft.errors import AutoSFTError
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.runs.run import Run
from autosft.training.device import free_memory, peak_bytes, pick_device
from autosft.training.loop import Emit
from autosft.workers.bench import Bench
from autosft.workers.verdict import blames_of, notes_of, pace_of, verdict


def serve(orders: IO[str], events: IO[str], *, threads: int, device: str, slot: int) -> None:
    """Work on orders until there are no more. If the driver dies while an order is worked on, so does this process."""
    torch.set_num_threads(threads)
    workshop = Workshop(load(), device, slot)
    inbox: list[Order] = []
    ready = threading.Semaphore(0)

    def listen() -> None:
        for line in orders:
            inbox.append(Order.model_validate_json(line))
            ready.release()
        os._exit(0)  # the driver is gone, or wants no more

    def send(event: Event) -> None:
        events.write(event.model_dump_json() + "\n")
        events.flush()

    threading.Thread(target=listen, daemon=True).start()
    while True:
        ready.acquire()
        order = inbox.pop(0)
        token = order.token
        record = workshop.work(
            order, lambda epoch, token=token: send(Event(token=token, kind="epoch", body=epoch.plain()))
        )
        send(Event(token=token, kind="done", body=record.plain()))


@final
class Workshop:
    """What one worker keeps between orders.

    Args:
        registry: The parts.
        device: Where to train, as for `pick_device`. One that cannot be used fails each trial, with the reason.
        slot: Which of several workers this is.
    """

    def __init__(self, registry: Registry, device: str, slot: int = 0) -> None:
        self._registry, self._wanted, self._slot = registry, device, slot
        self._device: torch.device | None = None
        self._bench: Bench | None = None

    def work(self, order: Order, emit: Emit) -> Record:
        """Do what an order says; training leaves a member in the trial's folder. What goes wrong becomes a state."""
        started = time.monotonic()
        done: dict[str, Any] = {"state": "done"}
        try:
            self._device = self._device or pick_device(self._wanted, self._slot)
            free_memory(self._device)
            if self._bench is None or self._bench.run.folder != Path(order.run):
                self._bench = Bench(Run.read(Path(order.run)), self._registry, self._device)
            allowed = float("inf") if order.seconds is None else order.seconds
            if order.work == "test":
                done |= self._bench.test(order, lambda: allowed - (time.monotonic() - started))
            elif order.work == "soup":
                done |= self._bench.soup(order)
            elif order.work == "pretrain":
                done |= self._bench.pretrain(order, emit, lambda: allowed - (time.monotonic() - started))
            else:
                done |= self._bench.train(order, emit, lambda: allowed - (time.monotonic() - started))
        except Exception as problem:  # it ends this trial, and is shown, but not the search
            state, error = verdict(problem)
            done = {"state": state, "error": error, "notes": notes_of(problem), "pace": pace_of(problem)}
            done |= {"blames": blames_of(problem)}
            if not isinstance(problem, AutoSFTError):
                traceback.print_exc()
        return Record(
            number=order.trial,
            recipe=order.recipe,
            seconds=time.monotonic() - started,
            micro_batch=order.micro_batch,
            peak_bytes=peak_bytes(self._device) if self._device else 0,
            **done,
        )

"""`Group`: the processes that train trials together, as seen from one of them.

The first is the worker that the driver knows. It starts the others, which are workers like it, hands each order on to
them, and hears from them how they fared. When it ends, so do they; when one of them ends, so does it, in the same way:
the driver loses a worker, and sends the order to another.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Self, final

import torch  # noqa: TID253
from torch.distributed import PrefixStore, TCPStore  # noqa: TID253  # pyright: ignore[reportPrivateImportUsage]

from autosft.contracts.executor import Event, Order
from autosft.contracts.record import Record
from autosft.errors import LostContact
from autosft.training.ranks import PATIENCE, joined

HURRY = 60.0
"""Seconds until the others must have said how they fared, after the first is done."""

LOOK_SECONDS = 0.02
"""How often the first looks whether another is ready."""

_READY, _COMPLETE = "ready", "complete"
"""Under what each says that it is ready, and the first whether all are."""


@final
class Group:
    """Processes that train trials together; by default this one alone.

    Args:
        world: How many there are.
        rank: Which of them this is.
        port: Where on this machine they find each other; the first chooses one.
        others: How to start the others, without their rank.

    Attributes:
        records: How the others fared with the last order, in the first process.
    """

    def __init__(self, world: int = 1, rank: int = 0, port: int = 0, others: Sequence[str] = ()) -> None:
        self.world, self.rank = world, rank
        self.records: tuple[Record, ...] = ()
        self._others: list[_Other] = []
        if world > 1:
            self._store = TCPStore("127.0.0.1", port, is_master=not rank, wait_for_workers=False, timeout=PATIENCE)
            command = [*others, "--port", str(self._store.port), "--rank"]
            self._others = [_Other([*command, str(number)]) for number in range(1, world) if not rank]

    @classmethod
    def of(cls, threads: int, device: str, slot: int, processes: int, rank: int, port: int) -> Self:
        """As a worker is told on its command line."""
        worker = [sys.executable, "-m", "autosft", "worker", "--threads", str(threads), "--device", device]
        return cls(processes, rank, port, [*worker, "--slot", str(slot), "--processes", str(processes)])

    @contextmanager
    def together(self, order: Order, device: torch.device) -> Generator[None]:
        """Within it a trial is trained by all.

        Raises:
            LostContact: Another one has left, for a reason that stands in its record.
        """
        for other in self._others:
            other.send(order)
        try:
            meeting = PrefixStore(order.token, self._store)
            self._gather(meeting)
            with joined(meeting, self.rank, self.world, device):
                yield
        finally:
            self.records = tuple(other.record() for other in self._others)

    def _gather(self, meeting: PrefixStore) -> None:
        """Wait until all are ready to join each other: torch would wait for one that has failed before that.

        Raises:
            LostContact: One of them has.
        """
        if self.rank:
            meeting.set(f"{_READY}{self.rank}", "")
        else:
            ready = [self._is_ready(meeting, rank, other) for rank, other in enumerate(self._others, 1)]
            meeting.set(_COMPLETE, "complete" if all(ready) else "")
        if not meeting.get(_COMPLETE):
            raise LostContact("one of them had failed before it met the others")

    def _is_ready(self, meeting: PrefixStore, rank: int, other: _Other) -> bool:
        """Whether another one gets ready; waits until that is known."""
        while not meeting.check([f"{_READY}{rank}"]):
            if other.is_done:
                return False
            time.sleep(LOOK_SECONDS)
        return True


class _Other:
    """A further process of the group, as its first one sees it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._records: queue.Queue[Record] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, order: Order) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(order.model_dump_json() + "\n")
        self._process.stdin.flush()

    @property
    def is_done(self) -> bool:
        """Whether it has said how it fared with the order."""
        return not self._records.empty()

    def record(self) -> Record:
        """How it fared with the order; if it does not say so in time, it is ended, and everyone with it."""
        try:
            return self._records.get(timeout=HURRY)
        except queue.Empty:
            self._process.kill()
            threading.Event().wait()  # until its end ends this process
            raise

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = Event.model_validate_json(line)
            if event.kind == "done":
                self._records.put(Record.model_validate(event.body))
        _end_like(self._process.wait())


def _end_like(status: int) -> None:
    """End this process as another one has ended."""
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status or 1)

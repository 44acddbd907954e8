"""`CommandPool`: workers that are processes of this machine, each started by a command.

The command may be the worker itself, or lead to it: `nice`, `ssh HOST`, `srun`. A process is in a group of its own:
Ctrl-C in a terminal is the driver's to answer. Orders go to its standard input, and events come from its standard
output, one JSON document a line. What it prints to its standard error goes to the log.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, final

from pydantic import ValidationError

from autosft.contracts.executor import Event, Order, Pool

GOOD_NEIGHBOR = {
    "MALLOC_MMAP_THRESHOLD_": str(2**28),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Set for the processes alone; what the user has set wins. Measured in benchmarks/README.md.

glibc gives large freed blocks back to the system, and training asks for the same ones at every step, a page fault per
4 KiB; the first two make it keep them, but for those of 256 MiB and more, among which too much would lie idle. OpenMP's
threads wait by spinning, and with one busy process beside them on a small machine they mostly keep each other from
working; the third makes them sleep."""

GRACE_SECONDS = 1.0
"""How long a process may take to end when asked, before it is killed."""


def worker_command(slot: int, *, threads: int, device: str, processes: int) -> list[str]:
    """The command that starts the worker of a slot, with the Python of this process.

    Args:
        slot: Its number among the workers, from 0.
        threads: The CPU threads of each process.
        device: The device, such as `"cpu"`, `"cuda:0"`, or `"auto"`.
        processes: How many processes train a trial together.
    """
    options = ["--threads", str(threads), "--device", device, "--processes", str(processes), "--slot", str(slot)]
    return [sys.executable, "-m", "autosft", "worker", *options]


class _Child:
    """One process, the order that it works on, and two threads: one listens to it, one waits for its end."""

    def __init__(self, command: Sequence[str], log: IO[bytes], events: queue.Queue[Event]) -> None:
        self.token = ""
        self._events = events
        self._fault = ""
        self._gone: dict[str, Any] = {}
        self._kernel_kills = _kernel_kills()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=GOOD_NEIGHBOR | os.environ,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._watcher = threading.Thread(target=self._wait, daemon=True)
        self._listener.start()
        self._watcher.start()

    @property
    def over(self) -> bool:
        """Whether the process has ended."""
        return not self._watcher.is_alive()

    def send(self, order: Order) -> None:
        """Hand over an order; if the process is gone, or goes meanwhile, the order is reported as lost."""
        with self._lock:
            self.token = order.token
            if self._gone:
                self._report_loss()
                return
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the keeper reports the loss
            self._process.stdin.write(order.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                try:
                    event = Event.model_validate_json(line)
                except ValidationError:
                    self._fault = f"it sent {line[:80]!r}, which is no event"
                    self._process.kill()
                    return
                if event.kind == "done":
                    self.token = ""
                self._events.put(event)

    def _wait(self) -> None:
        """Wait for the end of the process; then end what it has started, and report its order as lost."""
        status = self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._listener.join(GRACE_SECONDS)  # what it said last comes first
        starved = status == -signal.SIGKILL and _kernel_kills() > self._kernel_kills
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        reason = self._fault or ("the system ended it, because memory ran out" if starved else how)
        with self._lock:
            self._gone = {"reason": reason, "out_of_memory": starved and not self._fault}
            self._report_loss()

    def _report_loss(self) -> None:
        token, self.token = self.token, ""
        if token:
            self._events.put(Event(token=token, kind="lost", body=self._gone))

    def ask_to_end(self) -> None:
        """End the process if it lets us."""
        self._process.terminate()

    def end(self, grace: float = GRACE_SECONDS) -> None:
        """End the process, by force if it does not hurry."""
        self.ask_to_end()
        self._watcher.join(grace)
        if not self.over:
            self._process.kill()
        self._watcher.join()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # an order that was never read
            self._process.stdin.close()


@final
class CommandPool(Pool):
    """Running workers, one process per slot. A process that has ended is started again for the next order.

    Args:
        commands: What starts the worker of each slot; see `worker_command`.
        log: A file that takes what they print; it is appended to.

    Attributes:
        slots: How many workers there are.
    """

    def __init__(self, commands: Sequence[Sequence[str]], log: Path) -> None:
        self.slots = len(commands)
        self._commands = commands
        self._queue: queue.Queue[Event] = queue.Queue()
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("ab")
        self._children = [_Child(command, self._log, self._queue) for command in commands]

    def submit(self, order: Order) -> None:
        """Hand an order to the first free worker."""
        for slot, child in enumerate(self._children):
            if not child.token:
                if child.over:
                    child.end()
                    child = self._children[slot] = _Child(self._commands[slot], self._log, self._queue)
                child.send(order)
                return
        raise RuntimeError("All slots are taken.")

    def events(self, timeout: float) -> Sequence[Event]:
        """What the workers have said, and which of them have ended."""
        events: list[Event] = []
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic() if not events else 0.0
            try:
                events.append(self._queue.get(block=left > 0, timeout=max(left, 0.0) or None))
            except queue.Empty:
                return events

    def cancel(self, token: str) -> None:
        """End the process that works on the order."""
        for child in self._children:
            if child.token == token:
                child.end()

    def close(self) -> None:
        """End all processes."""
        for child in self._children:
            child.token = ""
            child.ask_to_end()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._children:
            child.end(max(0.0, deadline - time.monotonic()))
        self._log.close()


def _kernel_kills() -> int:
    """How many processes the kernel has ended since it started because memory ran out; 0 where it does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0

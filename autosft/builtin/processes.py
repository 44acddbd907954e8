"""`Processes`: the local executor, one child process per slot.

A fresh interpreter per slot, so that unguarded scripts and notebooks work.
"""

from __future__ import annotations

from pathlib import Path
from typing import final

from autosft.contracts.executor import Executor, Pool
from autosft.pools import CommandPool, worker_command


@final
class Processes(Executor):
    """Child processes on this machine."""

    name, local = "processes", True

    def open(self, *, slots: int, threads: int, device: str, processes: int, log: str) -> Pool:
        """Start the children; each imports what it needs while the driver goes on."""
        commands = [worker_command(slot, threads=threads, device=device, processes=processes) for slot in range(slots)]
        return CommandPool(commands, Path(log))

"""`Child`: the process that runs the checks of a review, and what it tells."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Process = subprocess.Popen[str]
Events = queue.Queue[Mapping[str, Any] | None]


@dataclass(frozen=True)
class Child:
    """What the process is given.

    Attributes:
        folder: Where its tests lie.
        packages: Where the code of the parts lies: what is raised there is told with its place.
    """

    folder: Path
    packages: Sequence[str]

    @contextlib.contextmanager
    def running(self) -> Iterator[tuple[Process, Events]]:
        """A process that runs the tests, and what it tells; it is ended with all that it has started."""
        command = [sys.executable, "-m", "autosft.testing.reviewer", str(self.folder), *self.packages]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # it sees what is installed for us
        events: Events = queue.Queue()
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                env=env,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )

        def listen() -> None:
            with process.stdout or contextlib.nullcontext(()) as lines:
                for line in lines:
                    events.put(json.loads(line))
            events.put(None)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield process, events
        finally:
            end(process)
            thread.join(timeout=5)


def end(process: Process) -> None:
    """End a process and those that it has started, if it has not ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

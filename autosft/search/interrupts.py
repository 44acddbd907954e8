"""`Interrupts`: Ctrl-C and SIGTERM while a search runs."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self, final

TERMINATED = 128 + signal.SIGTERM
"""The exit code that shells give a process ended by SIGTERM."""


@final
class Interrupts:
    """While it is entered, Ctrl-C asks the search to finish with what it has; a second one leaves at once.

    Leaving at once raises `KeyboardInterrupt`; SIGTERM raises `SystemExit` with exit code 143. Both can be raised
    anywhere, which does no more harm than a `kill -9` would: files are replaced whole, and trials go on from their last
    epoch. Outside the main thread, where Python allows no signal handlers, nothing is changed.

    Attributes:
        asked: Whether the search was asked to finish.
    """

    def __init__(self) -> None:
        self.asked = False
        self._earlier: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, handler in ((signal.SIGINT, self._interrupt), (signal.SIGTERM, self._terminate)):
                self._earlier[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

"""`Batcher`: requests that come together are answered together, in one thread that has the model for itself.

Encoders of texts or sounds fill a batch up to its longest row, so of those that wait, rows of like length go together.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, final

from autosft.errors import AutoSFTError

T = TypeVar("T")
R = TypeVar("R")


class Overloaded(AutoSFTError):
    """More is waiting than will be answered soon."""


@dataclass(frozen=True, eq=False)
class _Asked(Generic[T, R]):
    items: Sequence[T]
    answers: Future[list[R]]
    length: float


@final
class Batcher(Generic[T, R]):
    """Answers what is submitted: what has waited for longest, and with it what is most like it in length.

    Args:
        answer: From items to one answer each. Called in one thread alone.
        length: How long an item is, in any unit.
        most: As many items are answered at once, or as many as one request has.
        wait: Seconds that a request waits for others, if the thread is idle.
        most_waiting: Items beyond which further requests are refused.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[T]], Sequence[R]],
        length: Callable[[T], float],
        *,
        most: int,
        wait: float,
        most_waiting: int,
    ) -> None:
        self._answer, self._length = answer, length
        self._most, self._wait, self._most_waiting = most, wait, most_waiting
        self._asked: queue.SimpleQueue[_Asked[T, R] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting, self._closed = 0, False
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many items have no answer yet."""
        return self._waiting

    def submit(self, items: Sequence[T]) -> Future[list[R]]:
        """The answers, later; or what `answer` raised.

        Raises:
            Overloaded: Too much is waiting, or the batcher is closed.
        """
        asked = _Asked[T, R](items, Future(), max(map(self._length, items), default=0.0))
        with self._lock:
            if self._closed:
                raise Overloaded("The service is shutting down.")
            if self._waiting and self._waiting + len(items) > self._most_waiting:
                raise Overloaded(f"{self._waiting} inputs are waiting already. Try again in a second.")
            self._waiting += len(items)
            self._asked.put(asked)
        return asked.answers

    def close(self) -> None:
        """Answer all that was submitted, then end."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._asked.put(None)
        self._thread.join()

    def _work(self) -> None:
        waiting: list[_Asked[T, R]] = []
        going = True
        while going or waiting:
            going = going and self._gathered(waiting)
            batch = self._drawn(waiting)
            live = [asked for asked in batch if asked.answers.set_running_or_notify_cancel()]
            if live and not self._answered(live):
                for asked in live:  # one of them may be to blame; the others are answered
                    self._answered([asked], last=True)
            with self._lock:
                self._waiting -= sum(len(asked.items) for asked in batch)

    def _gathered(self, waiting: list[_Asked[T, R]]) -> bool:
        """Add all requests that are there; if they are too few, a little later. Whether more may come."""
        count, until = sum(len(asked.items) for asked in waiting), time.monotonic() + self._wait
        while True:
            patience = until - time.monotonic() if count < self._most else 0.0
            try:
                asked = self._asked.get(timeout=max(0.0, patience) if waiting else None)
            except queue.Empty:
                return True
            if asked is None:
                return False
            if not waiting:
                until = time.monotonic() + self._wait
            waiting.append(asked)
            count += len(asked.items)

    def _drawn(self, waiting: list[_Asked[T, R]]) -> list[_Asked[T, R]]:
        """Take out the next requests to answer together."""
        batch: list[_Asked[T, R]] = []
        count = 0
        for asked in sorted(waiting, key=lambda asked: abs(asked.length - waiting[0].length)):
            if count >= self._most:
                break
            batch.append(asked)
            count += len(asked.items)
        waiting[:] = [asked for asked in waiting if asked not in batch]
        return batch

    def _answered(self, batch: Sequence[_Asked[T, R]], *, last: bool = False) -> bool:
        """Answer some requests together; whether it went well. Of a single one, what went wrong is its answer."""
        items: list[Any] = [item for asked in batch for item in asked.items]
        try:
            answers = list(self._answer(items))
        except Exception as error:
            if last or len(batch) == 1:
                for asked in batch:
                    asked.answers.set_exception(error)
                return True
            return False
        start = 0
        for asked in batch:
            asked.answers.set_result(answers[start : start + len(asked.items)])
            start += len(asked.items)
        return True

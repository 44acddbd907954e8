"""`Batcher`: requests that come together are answered together, in one thread that has the model for itself."""

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


@dataclass(frozen=True)
class _Asked(Generic[T, R]):
    items: Sequence[T]
    answers: Future[list[R]]


@final
class Batcher(Generic[T, R]):
    """Answers what is submitted, in the order in which it came.

    Args:
        answer: From items to one answer each. Called in one thread alone.
        most: As many items are answered at once, or as many as one request has.
        wait: Seconds that a request waits for others, if the thread is idle.
        most_waiting: Items beyond which further requests are refused.
    """

    def __init__(
        self, answer: Callable[[Sequence[T]], Sequence[R]], *, most: int, wait: float, most_waiting: int
    ) -> None:
        self._answer, self._most, self._wait, self._most_waiting = answer, most, wait, most_waiting
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
        asked = _Asked[T, R](items, Future())
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
        going = True
        while going:
            batch, going = self._gathered()
            live = [asked for asked in batch if asked.answers.set_running_or_notify_cancel()]
            if live and not self._answered(live):
                for asked in live:  # one of them may be to blame; the others are answered
                    self._answered([asked], last=True)
            with self._lock:
                self._waiting -= sum(len(asked.items) for asked in batch)

    def _gathered(self) -> tuple[list[_Asked[T, R]], bool]:
        """The next requests, and whether more may come."""
        first = self._asked.get()
        if first is None:
            return [], False
        batch, count, until = [first], len(first.items), time.monotonic() + self._wait
        while count < self._most:
            try:
                asked = self._asked.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if asked is None:
                return batch, False
            batch.append(asked)
            count += len(asked.items)
        return batch, True

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

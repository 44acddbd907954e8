"""`Ahead`: batches that threads or processes load while the model computes; `read_ahead`: rows that are only decoded.

No number depends on who loads. Reductions give other last bits on another number of intra-op threads, so rows are seen
on one wherever that happens; torch keeps their number by thread, but what a new thread begins with by process.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, final

import torch

from autosft.contracts.rows import Row
from autosft.contracts.tensors import Batch
from autosft.contracts.trial import Loaders, Runtime
from autosft.training.processes import NoProcesses, Processes
from autosft.training.source import Drawn, Seen, Source

AHEAD = 2
"""So many batches are loaded, or under way, while the model computes on another one."""

TRIFLE_SECONDS = 0.002
"""A batch whose rows are seen in this time is not worth a word to another thread, as texts are not."""

TRIFLE_TO_READ = 0.0002
"""Rows that take longer to decode are decoded by threads, where they are only decoded."""

PARTS = 4
"""A batch is cut into so many parts per thread, as some rows take longer than others."""

STARVED_FRACTION, STARVED_SECONDS = 0.2, 10.0
"""Processes are tried where threads were waited for so long, and for such a fraction of an epoch: they take some
seconds to start."""

NEW_FRACTION = 0.1
"""An epoch of which more rows than this were decoded for the first time, and kept, tells nothing of those that follow:
they will not be decoded again."""

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


@final
class Ahead:
    """Loads batches in the order in which they are asked for.

    Args:
        source: Makes them.
        loaders: Who loads.
        pinned: Whether they are to lie in pinned memory, from where a GPU takes them while it computes.

    Attributes:
        loaders: Who loads the next epoch.
        waited: The seconds that the batches of the last epoch were waited for, but for its first one.
    """

    def __init__(self, source: Source, loaders: Loaders, *, pinned: bool = False) -> None:
        self._source, self._pinned = source, pinned
        self.loaders, self.waited = loaders, 0.0
        self._processes: Processes | None = None
        self._threads_waited: float | None = None

    def __call__(self, drawn: Sequence[Drawn]) -> Iterator[Batch]:
        """The batches of these rows. The threads that load end with the iterator, or when it is closed.

        Raises:
            Exception: Whatever a part raises, as if it had been called here.
        """
        self.waited, kept = 0.0, self._source.cached
        batches = self._by_processes(drawn) if self.loaders.kind == "processes" else self._by_threads(drawn)
        first = next(batches, None)
        if first is None:
            return
        started = time.perf_counter()
        yield first
        asked = time.perf_counter()
        for batch in batches:
            self.waited += time.perf_counter() - asked
            yield batch
            asked = time.perf_counter()
        told = self._source.cached - kept <= NEW_FRACTION * sum(map(len, drawn))
        self._choose(time.perf_counter() - started if told else None)

    def _choose(self, seconds: float | None) -> None:
        """Who loads the next epoch, after one that took so many seconds, if those tell anything."""
        if self._threads_waited is not None and self._processes:
            better = self.waited < self._threads_waited
            self._threads_waited = None
            self.loaders = Loaders(self.loaders.count, "processes" if better else "threads")
            if not better:
                self._end_processes()
            return
        starved = seconds is not None and self.waited > max(STARVED_SECONDS, STARVED_FRACTION * seconds)
        if self.loaders.kind == "auto" and starved:
            self._threads_waited, self.loaders = self.waited, Loaders(self.loaders.count, "processes")

    def _by_threads(self, drawn: Sequence[Drawn]) -> Iterator[Batch]:
        """Here, as long as each batch is a trifle or there are no threads; then by threads."""
        count, seen = self.loaders.count, list[Seen]()
        for number, some in enumerate(drawn):
            with one_thread():
                seen = self._begun(some)
                batch = self._finished(seen) if len(seen) == len(some) else None
            if batch is None:
                yield from self._by_pool(drawn[number:], seen, count)
                return
            yield batch

    def _begun(self, some: Drawn) -> list[Seen]:
        """The rows of a batch, or its first one if all of them would take long and there are threads for them."""
        source, rows = self._source, self._source.rows(some)
        started = time.perf_counter()
        seen = source.see(rows[:1], some.seeds[:1])
        if not self.loaders.count or (time.perf_counter() - started) * len(rows) <= TRIFLE_SECONDS:
            seen += source.see(rows[1:], some.seeds[1:])
        return seen

    def _by_pool(self, drawn: Sequence[Drawn], begun: Sequence[Seen], count: int) -> Iterator[Batch]:
        """Some threads see rows, and others, which mostly wait for them, join the rows of a batch."""
        source = self._source
        with threads(count) as seers, threads(AHEAD) as joiners:

            def whole(some: Drawn, begun: Sequence[Seen] = ()) -> Batch:
                rows, size = source.rows(some), max(1, len(some) // (PARTS * count))
                parts = [
                    seers.submit(source.see, rows[start : start + size], some.seeds[start : start + size])
                    for start in range(len(begun), len(some), size)
                ]
                return self._finished([*begun, *itertools.chain.from_iterable(part.result() for part in parts)])

            work = [partial(whole, drawn[0], begun), *(partial(whole, some) for some in drawn[1:])]
            try:
                yield from in_order(joiners.submit, work, AHEAD)
            finally:
                seers.shutdown(wait=False, cancel_futures=True)

    def _by_processes(self, drawn: Sequence[Drawn]) -> Iterator[Batch]:
        """The first batch here, as it shows how large they are; then by processes. Where they cannot be had, threads go
        on, and whatever else goes wrong, this thread alone: an error is then that of the part that raises it, and a
        process that was ended for want of memory is no failure of the trial."""
        done = 0
        try:
            if self._processes is None and drawn:
                with one_thread():
                    batch = self._source(drawn[0])
                self._processes = Processes(self._source, self.loaders.count, batch.nbytes)
                done = 1
                yield self._ready(batch)
            if self._processes:
                for batch in in_order(self._processes.submit, drawn[done:], self.loaders.count + AHEAD):
                    done += 1
                    yield self._ready(batch)
        except Exception as problem:
            log.warning("no processes load rows from here on: %s: %s", type(problem).__name__, problem)
            self._end_processes()
            self._threads_waited = None
            self.loaders = Loaders(self.loaders.count if isinstance(problem, NoProcesses) else 0)
            yield from self._by_threads(drawn[done:])

    def _end_processes(self) -> None:
        if self._processes:
            self._processes.close()
        self._processes = None

    def _finished(self, seen: Sequence[Seen]) -> Batch:
        return self._ready(self._source.join(seen))

    def _ready(self, batch: Batch) -> Batch:
        return batch.pin_memory() if self._pinned else batch


def read_ahead(runtime: Runtime, rows: Sequence[Row]) -> Iterator[tuple[Row, Any]]:
    """Rows and what they are decoded to, in order. Where that is no trifle, threads decode some rows ahead."""
    count, slow = runtime.loaders.count, False
    remaining = iter(rows)
    while not (slow and count):
        row = next(remaining, None)
        if row is None:
            return
        started = time.perf_counter()
        with one_thread():
            sample = runtime.read(row)
        slow = time.perf_counter() - started > TRIFLE_TO_READ
        yield row, sample
    with threads(count) as pool:
        yield from in_order(lambda row: pool.submit(_with_sample, runtime.read, row), remaining, PARTS * count)


def _with_sample(read: Callable[[Row], Any], row: Row) -> tuple[Row, Any]:
    return row, read(row)


def in_order(submit: Callable[[T], Future[R]], work: Iterable[T], ahead: int) -> Iterator[R]:
    """What becomes of each piece of work, in order; so many are under way at the same time."""
    remaining = iter(work)
    waiting = deque(submit(one) for one in itertools.islice(remaining, ahead))
    try:
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(submit(one) for one in itertools.islice(remaining, 1))
            yield result
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def one_thread() -> Iterator[None]:
    """One intra-op thread for this thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """So many threads, each with one intra-op thread; new threads of others begin with as many as before."""
    begun = threading.Barrier(count + 1)

    def begin() -> None:
        torch.get_num_threads()  # the first word of a thread with torch sets what new threads begin with
        torch.set_num_threads(1)
        begun.wait()

    before = torch.get_num_threads()
    with ThreadPoolExecutor(count, "loader", initializer=begin) as pool:
        for _ in range(count):  # each begins another thread, as none of those before is idle yet
            pool.submit(int)
        begun.wait()
        torch.set_num_threads(before)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

"""`Processes`: processes that load batches. They are forked from a server of their own, never from this process, which
has threads; and they end when it does, however that ends.

Tensors come back in shared memory. Rows in memory would be copied into each process, so they are not sent.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
import weakref
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import final

import torch
import torch.multiprocessing  # it teaches other processes' queues to hand over tensors
from threadpoolctl import threadpool_info, threadpool_limits

from autosft.contracts.tensors import Batch
from autosft.data.memory import free_bytes
from autosft.training.source import Drawn, Source

SHARED = Path("/dev/shm")
"""Where shared memory lies."""

SPARE = 4
"""Batches for which there must be room in shared memory, per process."""

PROCESS_BYTES = 1.5e9
"""What a process may take: libraries, and what decoders hold, of which the largest allow themselves 900 MB."""


class NoProcesses(Exception):
    """Processes cannot load these rows here."""


@final
class Processes:
    """Load batches. They start when they have something to do, and end with this object.

    Args:
        source: Makes the batches.
        count: How many processes, if there is memory for them.
        size: The bytes of a batch.

    Attributes:
        close: Ends them before that; once more does no harm.

    Raises:
        NoProcesses: Memory, or shared memory, is too small for one of them, the rows lie in memory, or a part cannot be
            sent to another process.
    """

    def __init__(self, source: Source, count: int, size: int) -> None:
        if not source.in_file:
            raise NoProcesses("the rows lie in memory")
        count = int(min(count, free_bytes() / (PROCESS_BYTES + SPARE * size)))
        if count < 1:
            raise NoProcesses("there is no memory for one of them")
        if SHARED.exists() and shutil.disk_usage(SHARED).free < SPARE * size * count:
            raise NoProcesses(f"{SHARED} is too small for batches of {size / 1e6:.0f} MB")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, *source.modules])  # heard by the first of all
        self._pool = ProcessPoolExecutor(count, context, _begin, (source, _blas_threads()))
        self.close = weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        try:
            self._pool.submit(int)  # the first process is sent the source
        except Exception as error:  # whatever a part raises that cannot be sent
            self.close()
            raise NoProcesses(f"a part cannot be sent to them ({type(error).__name__}: {error})") from error

    def submit(self, drawn: Drawn) -> Future[Batch]:
        """Have a batch loaded.

        Raises:
            BrokenProcessPool: One of the processes has ended.
        """
        return self._pool.submit(_load, drawn)


_source: Source | None = None


def _blas_threads() -> int:
    """How many threads NumPy multiplies matrices with: another number gives other last bits."""
    return max((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=1)


def _begin(source: Source, blas_threads: int) -> None:
    """What a process does first."""
    global _source
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    threadpool_limits(blas_threads, user_api="blas")
    _source = source


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _load(drawn: Drawn) -> Batch:
    assert _source is not None
    return _source(drawn)

"""`SampleCache`: decoded samples in memory, so that files are decoded once and not once per epoch.

They are not kept on disk: what that would save is measured in benchmarks/README.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, final

from autosft.contracts.rows import Row
from autosft.data.memory import free_bytes

LIMIT_BYTES, LIMIT_FRACTION = 3 * 1024**3, 0.25
"""By default so many bytes are kept, but no more than this fraction of what is free: training needs the rest."""


@final
class SampleCache:
    """Reads rows, and keeps what it read while there is room. Several threads may read; its length is how many samples
    it keeps. A copy in another process keeps nothing.

    What came first is kept: where not all fits, going through all rows in turn would throw everything out.

    Args:
        read: Decodes a row.
        limit: The most bytes to keep; found out by default. A sample counts if it says its size in `nbytes`; others are
            not kept.
    """

    def __init__(self, read: Callable[[Row], Any], limit: float | None = None) -> None:
        self._read = read
        self._room = min(LIMIT_BYTES, LIMIT_FRACTION * free_bytes()) if limit is None else limit
        self._kept: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def __reduce__(self) -> tuple[type[SampleCache], tuple[Callable[[Row], Any], float]]:
        return SampleCache, (self._read, 0.0)

    def __call__(self, row: Row) -> Any:
        """The decoded sample."""
        if row.id in self._kept:
            return self._kept[row.id]
        sample = self._read(row)
        size = getattr(sample, "nbytes", None)
        with self._lock:
            if size is not None and size <= self._room and row.id not in self._kept:
                self._room -= size
                self._kept[row.id] = sample
        return sample

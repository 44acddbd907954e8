"""`Step`: the batches of several streams that are trained on at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch

from autosft.contracts.tensors import Batch


class Step:
    """What a stage is trained on at once, where that is more than one batch, such as labelled rows and others. It is as
    long as all of them together; what has to be done in parts has its share of each.

    Args:
        batches: By the names of their streams.
    """

    def __init__(self, batches: Mapping[str, Batch]) -> None:
        self._batches = dict(batches)

    def __getitem__(self, name: str) -> Batch:
        return self._batches[name]

    def __len__(self) -> int:
        return sum(map(len, self._batches.values()))

    def to(self, device: torch.device | str) -> Step:
        """The same batches on a device."""
        return Step({name: batch.to(device) for name, batch in self._batches.items()})

    def split(self, size: int) -> Iterator[Step]:
        """Parts of about `size` rows over all streams, each with its share of every stream, in order; 0 means one of
        all rows."""
        shortest = min(map(len, self._batches.values()))
        parts = max(1, min(math.ceil(len(self) / size), shortest)) if size else 1
        for part in range(parts):
            yield Step({name: _share(batch, part, parts) for name, batch in self._batches.items()})


def _share(batch: Batch, part: int, parts: int) -> Batch:
    """One of so many parts of a batch, which differ by a row at most."""
    some = batch.take(range(part * len(batch) // parts, (part + 1) * len(batch) // parts))
    return replace(some, whole=batch)

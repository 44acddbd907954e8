"""`Step`: the batches of several streams that are trained on at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch

from autosft.contracts.tensors import Batch


class Step:
    """What a stage is trained on at once, where that is more than one batch, such as labelled rows and others. It is as
    long as all of them together; what has to be done in parts has its fraction of each.

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

    def split(self, size: int, *, together: int = 1) -> Iterator[Step]:
        """Parts of about `size` rows over all streams, each with its fraction of every stream, in order; 0 means one of
        all rows. So many rows of a stream, counted from the first on, stay together."""
        yield from self.parts(math.ceil(len(self) / size) if size else 1, together=together)

    def parts(self, count: int, *, together: int = 1) -> Iterator[Step]:
        """So many parts, or fewer where a stream has not as many rows, each with its fraction of every stream."""
        shortest = min(map(len, self._batches.values()))
        count = max(1, min(count, shortest // together))
        fractions = [batch.parts(count, together=together) for batch in self._batches.values()]
        for some in zip(*fractions, strict=True):
            yield Step(dict(zip(self._batches, some, strict=True)))

    def as_whole(self) -> Step:
        """The same rows as batches of their own, and no parts of others."""
        return Step({name: batch.as_whole() for name, batch in self._batches.items()})

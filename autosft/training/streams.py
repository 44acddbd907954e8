"""`CombinedLoader`: several streams of batches, such as labelled rows and others, gone through together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import final

from autosft.contracts.steps import Step
from autosft.contracts.strategy import Batches
from autosft.contracts.tensors import Batch
from autosft.training.seeds import seed_of


@final
class CombinedLoader:
    """A batch of each stream per step. An epoch is that of one of them; the others begin anew whenever they end, in
    another order.

    Args:
        streams: Batches by name; none of them empty.
        length: The stream whose epoch it is.
    """

    def __init__(self, streams: Mapping[str, Batches], length: str) -> None:
        self._streams, self._length = dict(streams), length

    def __len__(self) -> int:
        return len(self._streams[self._length])

    def epoch(self, seed: int) -> Iterator[Step]:
        """The steps of an epoch."""
        others = {name: _endless(one, seed_of(seed, name)) for name, one in self._streams.items()}
        for batch in _batches(self._streams[self._length], seed):
            yield Step({name: batch if name == self._length else next(other) for name, other in others.items()})


def _endless(stream: Batches, seed: int) -> Iterator[Batch]:
    for number in itertools.count():
        yield from _batches(stream, seed_of(seed, number))


def _batches(stream: Batches, seed: int) -> Iterator[Batch]:
    """An epoch of a stream.

    Raises:
        TypeError: It is itself one of several streams.
    """
    for batch in stream.epoch(seed):
        if isinstance(batch, Step):
            raise TypeError("A stream of steps cannot be part of a step.")
        yield batch

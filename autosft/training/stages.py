"""The stages of a strategy as the loop takes them: seeded, and in batches that memory has room for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import final

from autosft.contracts.recipe import Recipe
from autosft.contracts.steps import Step
from autosft.contracts.strategy import Batches, Fit, Stage
from autosft.contracts.tensors import Batch
from autosft.contracts.trial import Runtime
from autosft.training.seeds import seed_everything, seed_of


def seeded(seed: int, stages: Iterable[Stage | Fit]) -> Iterator[tuple[int, Stage | Fit]]:
    """Numbered stages and fits. These may draw, and so may code between two, such as a new head; a resumed trial must
    draw the same."""
    remaining = iter(stages)
    for number in itertools.count():
        seed_everything(seed_of(seed, "stage", number))
        stage = next(remaining, None)
        if stage is None:
            return
        yield number, stage


def within_memory(stage: Stage, recipe: Recipe, runtime: Runtime) -> tuple[Stage, tuple[str, ...]]:
    """The stage, and nothing to tell; but where its batches stay whole and memory has no room for them, the stage with
    smaller batches, and a line that says so."""
    size, most = recipe.optim.batch_size, runtime.micro_batch
    if stage.divisible or not most or most >= size:
        return stage, ()
    count = math.ceil(size / most)
    why = (
        f"stage {stage.name!r} was trained in batches of {math.ceil(size / count)} rows instead of {size}: memory ran "
        "out with more, and a part of a batch would have another loss"
    )
    return replace(stage, batches=_Smaller(stage.batches, count)), (why,)


@final
class _Smaller:
    """Each batch as several of its own."""

    def __init__(self, batches: Batches, count: int) -> None:
        self._batches, self._count = batches, count

    def __len__(self) -> int:
        return len(self._batches) * self._count

    def epoch(self, seed: int) -> Iterator[Batch | Step]:
        """The smaller batches, of two rows at least: batch normalization cannot train on a single one."""
        for batch in self._batches.epoch(seed):
            for part in batch.parts(self._count, together=2):
                yield part.as_whole()

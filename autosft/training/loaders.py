"""`Loader`: batches over a job's rows. Order and augmentation draw from torch's global generator alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from autosft.contracts.modality import Strength
from autosft.contracts.rows import Row, Rows
from autosft.contracts.strategy import Job
from autosft.contracts.tensors import Batch


class Loader:
    """Goes through rows once per iteration.

    Args:
        job: Whose modality, problems and states to use.
        rows: What to go through; rows without targets give batches without targets.
        strengths: How to view each sample. One strength gives its inputs; several give a tuple, one entry per view.
        shuffle: Whether to draw a new order each time; a last batch of a single row is then left out, because
            batch normalization cannot train on it.
        batch_size: Rows per batch; 0 means the recipe's.
    """

    def __init__(
        self,
        job: Job,
        rows: Rows,
        strengths: Sequence[Strength] = ("none",),
        *,
        shuffle: bool = False,
        batch_size: int = 0,
    ) -> None:
        self.job, self.rows, self.shuffle = job, rows, shuffle
        self.batch_size = batch_size or job.recipe.optim.batch_size
        inputs, recipe, state = job.info.inputs, job.recipe, job.states.modality
        self.views = [job.modality.view(inputs, recipe, state, strength=strength) for strength in strengths]

    def __len__(self) -> int:
        full, rest = divmod(len(self.rows), self.batch_size)
        drops = self.shuffle and rest == 1 and full > 0
        return full + math.ceil(rest / self.batch_size) - drops

    def __iter__(self) -> Iterator[Batch]:
        count = len(self.rows)
        order = torch.randperm(count).tolist() if self.shuffle else list(range(count))
        for number in range(len(self)):
            chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield self._batch([self.rows[index] for index in chosen])

    def _batch(self, rows: list[Row]) -> Batch:
        samples = [self.job.read(row) for row in rows]
        views = tuple(self.job.modality.collate([view(sample) for sample in samples]) for view in self.views)
        return Batch(
            inputs=views[0] if len(views) == 1 else views,
            targets=self._targets(rows),
            rows=tuple(row.id for row in rows),
            weights=torch.tensor([row.weight for row in rows], dtype=torch.float32),
        )

    def _targets(self, rows: list[Row]) -> tuple[Any, ...]:
        if not rows[0].targets:
            return ()
        parts = zip(self.job.problems, self.job.states.problems, strict=True)
        return tuple(
            problem.encode([row.targets[position] for row in rows], state)
            for position, (problem, state) in enumerate(parts)
        )

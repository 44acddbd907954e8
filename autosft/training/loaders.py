"""`Loader`: batches over rows; `training_batches`: those of a trial to train on, as the recipe wants them.

Order and augmentation follow from the seed of the epoch, and a row's views from its place in it: whoever loads a batch,
in whichever order, loads the same.

Encoders of texts or sounds fill a batch up to its longest row, so rows of like length are batched together: while
training within windows of a random order, elsewhere by the order of `longest_first`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autosft.contracts.modality import Strength
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Batches
from autosft.contracts.tensors import Batch
from autosft.contracts.trial import Parts, Runtime, Trial
from autosft.training.ahead import Ahead
from autosft.training.mixing import Mixing
from autosft.training.seeds import seed_of
from autosft.training.source import Drawn, Source

Positions = npt.NDArray[np.int64]

WINDOW = 50
"""While training, rows are sorted by length within so many batches of a random order: hardly any row of a batch is much
longer than another, and which rows meet still changes from epoch to epoch."""


class Loader:
    """Goes through rows once per epoch.

    Args:
        parts: Whose modality, problems and states to use.
        runtime: Reads rows, and says who does so ahead.
        rows: What to go through; rows without targets give batches without targets.
        strengths: How to view each sample. One strength gives its inputs; several give a tuple, one entry per view.
        shuffle: Whether to draw a new order each time, else rows come in order; a last batch of a single row is then
            left out, because batch normalization cannot train on it.
        sampling_weights: How often each row is drawn, relative to the others, shape (rows,): of a new order, which then
            has rows twice and leaves others out. None means each once.
        batch_size: Rows per batch; 0 means the recipe's.
        targets: Whether batches have the rows' targets; not where some rows have none, or nobody is to see them.
    """

    def __init__(
        self,
        parts: Parts,
        runtime: Runtime,
        rows: Rows,
        strengths: Sequence[Strength] = ("none",),
        *,
        shuffle: bool = False,
        sampling_weights: npt.NDArray[np.float64] | None = None,
        batch_size: int = 0,
        targets: bool = True,
    ) -> None:
        self.rows, self.shuffle, self.sampling_weights = rows, shuffle, sampling_weights
        self.batch_size = batch_size or parts.recipe.optim.batch_size
        self._views = len(strengths)
        self._lengths = _lengths(parts, rows) if shuffle else np.zeros(len(rows))
        self.strengths = strengths
        source = Source(parts, runtime.read, rows, strengths, targets=targets)
        self._ahead = Ahead(source, runtime.loaders, pinned=runtime.device.type == "cuda")

    def __len__(self) -> int:
        return math.ceil(self._used() / self.batch_size)

    def epoch(self, seed: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; the seed matters where rows are shuffled, or views draw."""
        order, seeds = self._drawn(seed), self._seeds(seed)
        return self._ahead([Drawn(order[chosen], seeds[chosen]) for chosen in self._batches(order, seed)])

    @property
    def waited(self) -> float:
        """The seconds that the batches of the last epoch were waited for, but for its first one."""
        return self._ahead.waited

    def _used(self) -> int:
        """How many rows an epoch goes through."""
        full, rest = divmod(len(self.rows), self.batch_size)
        return len(self.rows) - (self.shuffle and rest == 1 and full > 0)

    def _drawn(self, seed: int) -> Positions:
        """The rows of an epoch, by position, in the order in which they are drawn."""
        if not self.shuffle:
            return np.arange(len(self.rows))
        generator = np.random.default_rng(seed_of(seed, "order"))
        if self.sampling_weights is None:
            return generator.permutation(len(self.rows))[: self._used()]
        ends = self.sampling_weights.cumsum()
        return np.searchsorted(ends[:-1], ends[-1] * generator.random(self._used()), side="right")

    def _seeds(self, seed: int) -> Positions:
        """What the views of each drawn row draw from, shape (drawn, views)."""
        generator = np.random.default_rng(seed_of(seed, "views"))
        return generator.integers(2**63, size=(self._used(), self._views))

    def _batches(self, order: Positions, seed: int) -> list[Positions]:
        """The places of each batch's rows in the order."""
        places = np.arange(len(order))
        bucketed = self.shuffle and len(np.unique(self._lengths)) > 1
        if bucketed:
            window = WINDOW * self.batch_size
            parts = [places[start : start + window] for start in range(0, len(places), window)]
            places = np.concatenate([part[np.argsort(self._lengths[order[part]], kind="stable")] for part in parts])
        batches = [places[start : start + self.batch_size] for start in range(0, len(places), self.batch_size)]
        if not bucketed:
            return batches
        return [batches[number] for number in np.random.default_rng(seed_of(seed, "batches")).permutation(len(batches))]


def training_batches(trial: Trial, runtime: Runtime) -> Batches:
    """The labelled rows in a new order each time, augmented, drawn in balance and mixed as the recipe says.

    Args:
        trial: Has the rows and the recipe.
        runtime: Reads rows, and says who does so ahead.
    """
    regular = trial.parts.recipe.regular
    sampling_weights = _sampling_weights(trial) if regular.balance == "sampling" else None
    loader = Loader(
        trial.parts, runtime, trial.train, [regular.augment], shuffle=True, sampling_weights=sampling_weights
    )
    if regular.mixup or regular.cutmix:
        return Mixing(loader, mixup=regular.mixup, cutmix=regular.cutmix)
    return loader


def _sampling_weights(trial: Trial) -> npt.NDArray[np.float64]:
    """How often each row is drawn: the product of what the problems ask for; for a row without a problem's target, that
    of the mean row with one."""
    product = np.ones(len(trial.train))
    for position, (problem, state) in enumerate(zip(trial.parts.problems, trial.parts.states.problems, strict=True)):
        having = trial.train.present(position)
        sampling_weights = problem.sampling_weights(trial.train.with_target(position).target(position), state)
        if sampling_weights is not None and having is None:
            product *= sampling_weights
        elif sampling_weights is not None:
            own = np.full(len(trial.train), sampling_weights.mean())
            own[having] = sampling_weights
            product *= own
    return product


def longest_first(parts: Parts, rows: Rows) -> npt.NDArray[np.integer[Any]]:
    """The positions of rows from the longest to the shortest; in order where all are alike. Where memory is short, it
    runs out at once."""
    return np.argsort(-_lengths(parts, rows), kind="stable")


def _lengths(parts: Parts, rows: Rows) -> npt.NDArray[np.int64]:
    return np.array([parts.modality.length(row) for row in rows], dtype=np.int64)

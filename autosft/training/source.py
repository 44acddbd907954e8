"""`Source`: makes batches of rows that were drawn: read, viewed, encoded and joined.

A row's views are seeded by its place in the epoch, so that a batch is the same whoever makes it. Several threads use a
source at the same time, and other processes have copies of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from autosft.contracts.modality import Example, Sample, Strength, View
from autosft.contracts.rows import Numbers, Row, Rows
from autosft.contracts.tensors import Batch
from autosft.contracts.trial import Parts
from autosft.data.arrow import InFile
from autosft.data.cache import SampleCache


@dataclass(frozen=True)
class Drawn:
    """Rows that were drawn together.

    Attributes:
        places: Where they stand among the rows, shape (drawn,).
        seeds: What the views of each draw from, shape (drawn, views).
    """

    places: Numbers
    seeds: Numbers

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Seen:
    """A row as it is shown to a model, once per view."""

    row: Row
    examples: tuple[Example, ...]


@final
class Source:
    """Makes batches of drawn rows.

    Args:
        parts: Whose modality, problems and states to use.
        read: Decodes a row.
        rows: What is drawn from.
        strengths: How to view each sample; several give a tuple of inputs, one entry per view.
        targets: Whether batches have the rows' targets.
    """

    def __init__(
        self, parts: Parts, read: Callable[[Row], Any], rows: Rows, strengths: Sequence[Strength], *, targets: bool
    ) -> None:
        self._parts, self._read, self._rows = parts, read, rows
        self._strengths, self._with_targets = tuple(strengths), targets
        self._views = self._made()
        modality, recipe = parts.modality, parts.recipe
        self._others = [0 if one == "none" else modality.others(recipe, strength=one) for one in strengths]
        self._beside = _complete(rows) if any(self._others) else np.arange(0)

    def _made(self) -> list[View]:
        parts, inputs = self._parts, self._parts.info.inputs
        view, state = parts.modality.view, parts.states.modality
        return [view(inputs, parts.recipe, state, strength=strength) for strength in self._strengths]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_views"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._views = self._made()  # they may be anything that can be called, and are made where they are used

    @property
    def cached(self) -> int:
        """How many decoded samples this process has cached."""
        return len(self._read) if isinstance(self._read, SampleCache) else 0

    @property
    def in_file(self) -> bool:
        """Whether the rows lie in a file, which other processes open."""
        return isinstance(self._rows.columns, InFile)

    @property
    def modules(self) -> list[str]:
        """The modules of the parts that make batches."""
        return sorted({type(part).__module__ for part in (self._parts.modality, *self._parts.problems)})

    def __call__(self, drawn: Drawn) -> Batch:
        """The batch of these rows."""
        return self.join(self.see(self.rows(drawn), drawn.seeds))

    def rows(self, drawn: Drawn) -> list[Row]:
        """The rows themselves."""
        return list(self._rows.take(drawn.places))

    def see(self, rows: Sequence[Row], seeds: Numbers) -> list[Seen]:
        """Read and view some rows, whose views draw from these seeds, shape (rows, views)."""
        return [self._seen(row, each) for row, each in zip(rows, seeds, strict=True)]

    def _seen(self, row: Row, seeds: Numbers) -> Seen:
        targets = row.targets if self._with_targets else ()
        there = [position for position, target in enumerate(targets) if target is not None]
        example, seen = self._example(row, there), list[Example]()
        for strength, view, count, seed in zip(self._strengths, self._views, self._others, seeds, strict=True):
            generator = _nothing if strength == "none" else np.random.default_rng(seed)
            shown = replace(example, others=self._drawn(count, generator, there)) if count else example
            seen.append(replace(view(shown, generator), others=()))
        return Seen(row, tuple(seen))

    def _example(self, row: Row, positions: Sequence[int]) -> Example:
        """The row, with its targets for the problems at these positions: no view is given one that is missing."""
        sample = Sample.of(self._read(row))
        pairs = [(self._parts.problems[position], row.targets[position]) for position in positions]
        targets = tuple(problem.wrap(target, sample.data, sample.meta) for problem, target in pairs)
        return Example(sample.data, targets, sample.meta)

    def _drawn(self, count: int, generator: np.random.Generator, positions: Sequence[int]) -> tuple[Example, ...]:
        """So many other rows; none where no row has all targets."""
        if not len(self._beside):
            return ()
        places = self._beside[generator.integers(len(self._beside), size=count)]
        return tuple(self._example(row, positions) for row in self._rows.take(places))

    def join(self, seen: Sequence[Seen]) -> Batch:
        """One batch of rows that are seen."""
        columns = list(zip(*(one.examples for one in seen), strict=True))
        views = tuple(self._parts.modality.collate([example.inputs for example in column]) for column in columns)
        targets, present = self._targets([one.row for one in seen], columns[0])
        return Batch(
            inputs=views[0] if len(views) == 1 else views,
            targets=targets,
            rows=tuple(one.row.id for one in seen),
            weights=torch.tensor([one.row.weight for one in seen], dtype=torch.float32),
            present=present,
            meta=tuple(example.meta for example in columns[0]),
        )

    def _targets(
        self, rows: Sequence[Row], seen: Sequence[Example]
    ) -> tuple[tuple[Any, ...], tuple[Tensor | None, ...]]:
        """Those of the first view, encoded, and which rows have them: where there are several views, all of them show
        the same."""
        if not seen[0].targets:
            return (), ()
        found: list[Any] = []
        present: list[Tensor | None] = []
        left = [iter(example.targets) for example in seen]
        for position, problem in enumerate(self._parts.problems):
            having = [number for number, row in enumerate(rows) if row.targets[position] is not None]
            targets = [next(left[number]) for number in having]
            found.append(problem.encode(targets, self._parts.states.problems[position]) if targets else None)
            present.append(None if len(having) == len(rows) else torch.tensor(having, dtype=torch.int64))
        return tuple(found), () if all(having is None for having in present) else tuple(present)


def _complete(rows: Rows) -> Numbers:
    """The places of the rows that lack no target, which can be shown beside any; all where rows are not labelled."""
    lacking = np.array([sum(target is None for target in targets) for targets in rows.targets], dtype=np.int64)
    return np.flatnonzero(lacking == 0)


_nothing: np.random.Generator = np.random.default_rng(0)
"""What a view of strength `"none"` is given, which draws nothing: that is quick."""

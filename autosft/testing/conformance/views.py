"""How the checks of modalities see rows: `example`, `viewed`, and a `generator` to draw from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

import numpy as np

from autosft.contracts.backbone import Inputs
from autosft.contracts.modality import Example, Modality, Sample, Strength
from autosft.contracts.recipe import Recipe
from autosft.contracts.rows import Row, Rows
from autosft.testing.trials import usual_recipe

T = TypeVar("T")


def recipe_for(modality: Modality) -> Recipe:
    """With the default of every parameter of a modality."""
    return usual_recipe("any/any", modality.name, {**modality.space, **modality.augmentation})


def viewed(
    modality: Modality, rows: Rows, inputs: Inputs, *, strength: Strength, seed: int, recipe: Recipe | None = None
) -> list[Any]:
    """Four rows, seen and joined."""
    state, recipe = modality.fit(rows, modality.read), recipe or recipe_for(modality)
    view = modality.view(inputs, recipe, state, strength=strength)
    count = 0 if strength == "none" else modality.others(recipe, strength=strength)
    others = tuple(example(modality, rows[number % len(rows)]) for number in range(count))
    shown = [replace(example(modality, row), others=others) for row in rows[:4]]
    return [modality.collate([view(example, generator(seed + n)).inputs for n, example in enumerate(shown)])]


def example(modality: Modality, row: Row) -> Example:
    """A row without targets, before any view."""
    sample = Sample.of(modality.read(row))
    return Example(sample.data, meta=sample.meta)


def generator(seed: int) -> np.random.Generator:
    """What a view draws from."""
    return np.random.default_rng(seed)


def sent(value: T) -> T:
    """A value of this process as it arrives in another."""
    loads: Callable[[Any], T] = ForkingPickler.loads  # pyright: ignore[reportAttributeAccessIssue]
    return loads(ForkingPickler.dumps(value))

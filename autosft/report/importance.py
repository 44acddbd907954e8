"""`importance`: which parameters of the recipes went with better scores, and how sure that is.

A random forest (Breiman, 2001) learns from a part of the trials which scores rank high, and is asked about the others.
A parameter matters as much as the forest gets worse when the parameter is shuffled among those others (permutation
importance; Breiman, 2001). Trials are parted many times over, and what differs from time to time is the uncertainty.
A search looks more often where scores are good, so this describes the trials made, not the whole space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.contracts.space import Value
from autosft.report.words import digits

LEAST_TRIALS = 25
"""With fewer trials a forest says what it likes."""

MOST_TRIALS = 1000
REPEATS = 10
TREES = 60
HELD_OUT = 0.3
LEAST_EXPLAINED = 0.1
"""A forest that explains less of what it has not seen has found nothing."""

Table = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weight:
    """How much a parameter mattered: by how much the fraction of explained variance falls when it is shuffled.

    Attributes:
        name: The parameter, as in the recipe.
        mean: The mean over the repeats.
        low, high: The least and the most of the repeats but for a tenth at either end.
    """

    name: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """What mattered, or why nobody can say.

    Attributes:
        weights: From the most to the least important.
        explained: The fraction of the variance of ranks that the forest explains on trials it has not seen.
        trials: How many trials were looked at.
        why_not: Why there are no weights; empty if there are.
    """

    weights: tuple[Weight, ...]
    explained: float
    trials: int
    why_not: str = ""


def importance(records: Sequence[Record], seed: int) -> Importance:
    """Weigh the parameters of trials.

    Args:
        records: Trials with a score, best first.
        seed: Decides which trials are held out.
    """
    if len(records) < LEAST_TRIALS:
        few = f"{len(records)} trials with a score are too few to say what mattered; {LEAST_TRIALS} are the least."
        return Importance((), 0.0, len(records), few)
    draw = np.random.default_rng(seed)
    if len(records) > MOST_TRIALS:
        places: list[int] = np.sort(draw.choice(len(records), MOST_TRIALS, replace=False)).tolist()
        records = [records[place] for place in places]
    names, table = _table([record.recipe for record in records])
    ranks = _ranks([record.score or 0.0 for record in records])
    if not names or np.ptp(ranks) == 0:
        return Importance((), 0.0, len(records), "The trials do not differ in their recipes, or not in their scores.")
    falls, explained = _falls(table, ranks, draw)
    if explained < LEAST_EXPLAINED:
        why = f"From their recipes the order of {len(records)} trials cannot be foretold (R² {digits(explained, 2)})."
        return Importance((), explained, len(records), why)
    low, high = np.quantile(falls, [0.1, 0.9], axis=0)
    rows = zip(names, falls.mean(0), low, high, strict=True)
    weights = [Weight(name, float(mean), float(one), float(other)) for name, mean, one, other in rows]
    return Importance(tuple(sorted(weights, key=lambda weight: -weight.mean)), explained, len(records))


def _table(recipes: Sequence[Recipe]) -> tuple[list[str], Table]:
    """The parameters that differ, one column each. Words become numbers in the order of their names.

    A parameter that a strategy does not use stands at its default in all of its trials. There it says nothing but
    which strategy it was, so it takes the median of where it was chosen.
    """
    rows = [recipe.parameters() for recipe in recipes]
    strategies = np.array([recipe.strategy for recipe in recipes])
    names: list[str] = []
    columns: list[Table] = []
    for name in sorted({name for row in rows for name in row}):
        column = _numbers([row.get(name) for row in rows])
        for strategy in np.unique(strategies):
            of = strategies == strategy
            if name not in ("strategy", "backbone") and len(np.unique(column[of][~np.isnan(column[of])])) < 2:
                column[of] = np.nan
        if len(np.unique(column[~np.isnan(column)])) > 1:
            names.append(name)
            columns.append(np.where(np.isnan(column), np.nanmedian(column), column))
    return names, np.stack(columns, 1) if columns else np.zeros((len(rows), 0))


def _numbers(values: Sequence[Value | None]) -> Table:
    words = {word: float(number) for number, word in enumerate(sorted({v for v in values if isinstance(v, str)}))}
    return np.array(
        [np.nan if value is None else words[value] if isinstance(value, str) else float(value) for value in values]
    )


def _ranks(scores: Sequence[float]) -> Table:
    """For each trial the fraction of trials that are worse, and half of those that are equal."""
    from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

    return (cast("Any", stats).rankdata(scores) - 0.5) / len(scores)


def _falls(table: Table, ranks: Table, draw: np.random.Generator) -> tuple[Table, float]:
    """How much each shuffled column costs in each repeat, shape (repeats, columns), and what is explained at all."""
    from sklearn import ensemble, inspection  # pyright: ignore[reportMissingTypeStubs]

    forests, inspections = cast("Any", ensemble), cast("Any", inspection)
    falls: list[Table] = []
    explained: list[float] = []
    for repeat in range(REPEATS):
        order = draw.permutation(len(table))
        cut = int(len(table) * HELD_OUT)
        held, rest = order[:cut], order[cut:]
        forest = forests.RandomForestRegressor(TREES, min_samples_leaf=2, random_state=repeat)
        forest.fit(table[rest], ranks[rest])
        explained.append(float(forest.score(table[held], ranks[held])))
        shuffled = inspections.permutation_importance(
            forest, table[held], ranks[held], n_repeats=3, random_state=repeat
        )
        falls.append(shuffled.importances_mean)
    return np.stack(falls), float(np.mean(explained))

"""Which rows to hold out, and which to take first, so that strata stay in proportion. It knows no row, only strata.

Where each row is in one stratum, by systematic sampling; where rows are in several at once, by iterative
stratification; where rows have a time, the latest.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Members = Sequence[Sequence[int]]
"""For each unit the numbers of its strata."""


def numbered(values: Sequence[Hashable]) -> Numbers:
    """Each value's number, in the order of their first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def hold_out(strata: Sequence[Hashable] | None, units: Numbers, folds: int, draw: np.random.Generator) -> Mask:
    """A mask of about one row in `folds`; units stay whole, and no stratum is held out altogether.

    A unit of more rows than are to be held out, and than most units have, is not held out if others can be.

    Args:
        strata: The stratum of each row, or the frozenset of its strata; None if there are none.
        units: The number of each row's unit: a group, or itself.
        folds: One in how many.
        draw: Decides.
    """
    sizes = np.bincount(units)
    moderate = np.flatnonzero((sizes <= max(len(units) / folds, np.median(sizes)))[units])
    held = np.zeros(len(units), dtype=bool)
    if len(moderate) < len(units):
        some = None if strata is None else [strata[position] for position in moderate.tolist()]
        fewer = max(2, round(folds * len(moderate) / len(units)))
        held[moderate] = _hold_out(some, numbered(units[moderate].tolist()), fewer, draw)
    return held if held.any() else _hold_out(strata, units, folds, draw)


def _hold_out(strata: Sequence[Hashable] | None, units: Numbers, folds: int, draw: np.random.Generator) -> Mask:
    if strata is not None and any(isinstance(stratum, frozenset) for stratum in strata):
        return _iterative(_members(strata, units), folds, draw)[units]
    labels = numbered(strata) if strata is not None else np.zeros(len(units), dtype=np.int64)
    return _systematic(labels, units, folds, draw)


def latest(times: npt.NDArray[np.float64], units: Numbers, folds: int) -> Mask:
    """A mask of the latest rows, about one in `folds`; none if all have one time.

    Units stay whole, and one counts by its latest row; so do all units of one time.

    Args:
        times: The time of each row.
        units: The number of each row's unit: a group, or itself.
        folds: One in how many.
    """
    last = np.full(int(units.max()) + 1, -np.inf)
    np.maximum.at(last, units, times)
    moments, counts = np.unique(last[units], return_counts=True)
    if len(moments) < 2:
        return np.zeros(len(times), dtype=bool)
    since = counts[::-1].cumsum()[::-1][1:]  # how many rows there are at each moment but the first, and after it
    return last[units] >= moments[1:][np.abs(since - len(times) / folds).argmin()]


def _systematic(labels: Numbers, units: Numbers, folds: int, draw: np.random.Generator) -> Mask:
    """Every so many of the shuffled units in the order of their strata, and of their sizes: each stratum gives its
    share to within one unit, however small it is."""
    first = np.unique(units, return_index=True)[1]  # a group counts to the stratum of its first row
    stratum_of = labels[first]
    pairs = np.unique(np.column_stack([labels, units]), axis=0)
    alone = pairs[np.bincount(pairs[:, 0])[pairs[:, 0]] == 1, 1]
    order = draw.permutation(len(first))
    order = order[~np.isin(order, alone)]  # the only unit that has rows of a stratum is never held out
    order = order[np.lexsort((np.bincount(units)[order], stratum_of[order]))]
    held = np.isin(units, order[draw.integers(max(1, min(folds, len(order)))) :: folds])
    for stratum in np.setdiff1d(labels, labels[~held]):
        held &= ~np.isin(units, units[labels == stratum])
    return held


def _members(strata: Sequence[Hashable], units: Numbers) -> Members:
    """For each unit the numbers of its rows' strata; rows in none are a stratum of their own."""
    numbers: dict[Hashable, int] = {}
    members: list[set[int]] = [set() for _ in range(int(units.max()) + 1)]
    for stratum, unit in zip(strata, units.tolist(), strict=True):
        for one in sorted(several_of(stratum), key=repr) or [None]:
            members[unit].add(numbers.setdefault(one, len(numbers)))
    return [sorted(several) for several in members]


def several_of(stratum: Hashable) -> frozenset[Hashable]:
    """The strata that a row is in."""
    return stratum if isinstance(stratum, frozenset) else frozenset((stratum,))


def _iterative(members: Members, folds: int, draw: np.random.Generator) -> Mask:
    """Iterative stratification (Sechidis et al., 2011) into two parts, shape (units,).

    The stratum with the fewest undecided units comes first, because later there would be none left to choose from. A
    unit is passed over, where that can be, if another of its strata has given its due already, and always if it is the
    last one that a stratum has for training. Where so few units share so many strata that none is due, one is held out.
    """
    order: list[int] = draw.permutation(len(members)).tolist()
    units_of: list[list[int]] = [[] for _ in range(1 + max(max(several) for several in members))]
    for unit in order:
        for stratum in members[unit]:
            units_of[stratum].append(unit)
    left = np.array([len(units) for units in units_of], dtype=np.float64)
    due, spare = _dues(left, folds, draw), [len(units) - 1 for units in units_of]
    held, decided = np.zeros((2, len(members)), dtype=bool)
    while np.isfinite(left).any():
        stratum = int(left.argmin())
        waiting = [unit for unit in units_of[stratum] if not decided[unit]]
        waiting.sort(key=lambda unit: min(due[one] for one in members[unit]) <= 0)
        for unit in waiting:
            decided[unit] = True
            gives = due[stratum] > 0 and min(spare[one] for one in members[unit]) > 0
            held[unit] = gives
            for one in members[unit]:
                left[one] -= 1
                due[one] -= gives
                spare[one] -= gives
        left[stratum] = np.inf
    if not held.any():
        held[[unit for unit in order if min(spare[one] for one in members[unit]) > 0][:1]] = True
    return held


def _dues(sizes: npt.NDArray[np.float64], folds: int, draw: np.random.Generator) -> list[int]:
    """How many units each stratum is to give: its share, rounded so that the sum is right as well (systematic
    sampling), from the smallest to the largest."""
    order = np.argsort(sizes, kind="stable")
    due = np.empty(len(sizes), dtype=np.int64)
    due[order] = np.diff(np.floor(np.cumsum(sizes[order]) / folds + draw.random()), prepend=0.0)
    return due.tolist()


def precedence(strata: Sequence[Hashable] | None, count: int, draw: np.random.Generator) -> Numbers:
    """Positions of rows, of which the first so many are in proportion to their strata, whatever that number.

    A row in several strata counts to the rarest of them. First come rows that together are in every stratum.
    """
    several = strata is not None and any(isinstance(stratum, frozenset) for stratum in strata)
    labels = np.zeros(count, dtype=np.int64) if strata is None else numbered(_rarest(strata) if several else strata)
    order = draw.permutation(count)
    order = order[np.argsort(labels[order], kind="stable")]  # by stratum, shuffled within each
    sizes = np.bincount(labels)
    rank = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    share = (rank + draw.random(len(sizes))[labels[order]]) / sizes[labels[order]]
    share[_firsts(strata, order) if several and strata is not None else rank == 0] = -1.0
    return order[np.argsort(share, kind="stable")]


def _rarest(strata: Sequence[Hashable]) -> list[Hashable]:
    counts: dict[Hashable, int] = {}
    for stratum in strata:
        for one in several_of(stratum):
            counts[one] = counts.get(one, 0) + 1
    return [min(several_of(stratum), key=lambda one: (counts[one], repr(one)), default=None) for stratum in strata]


def _firsts(strata: Sequence[Hashable], order: Numbers) -> Mask:
    """Whether a row, gone through in this order, is in a stratum that no earlier one is in."""
    seen: set[Hashable] = set()
    firsts = np.zeros(len(order), dtype=bool)
    for position, row in enumerate(order.tolist()):
        several = several_of(strata[row])
        firsts[position] = not several <= seen
        seen |= several
    return firsts

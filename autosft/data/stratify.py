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
"""For each group the numbers of its strata."""


def numbered(values: Sequence[Hashable]) -> Numbers:
    """Each value's number, in the order of their first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def hold_out(strata: Sequence[Hashable] | None, groups: Numbers, folds: int, draw: np.random.Generator) -> Mask:
    """A mask of about one row in `folds`; groups stay whole, and no stratum is held out altogether.

    A group of more rows than are to be held out, and than most groups have, is not held out if others can be.

    Args:
        strata: The stratum of each row, or the frozenset of its strata; None if there are none.
        groups: The number of each row's group; a row without a group is one by itself.
        folds: One in how many.
        draw: Decides.
    """
    sizes = np.bincount(groups)
    moderate = np.flatnonzero((sizes <= max(len(groups) / folds, np.median(sizes)))[groups])
    held = np.zeros(len(groups), dtype=bool)
    if len(moderate) < len(groups):
        some = None if strata is None else [strata[position] for position in moderate.tolist()]
        fewer = max(2, round(folds * len(moderate) / len(groups)))
        held[moderate] = _hold_out(some, numbered(groups[moderate].tolist()), fewer, draw)
    return held if held.any() else _hold_out(strata, groups, folds, draw)


def _hold_out(strata: Sequence[Hashable] | None, groups: Numbers, folds: int, draw: np.random.Generator) -> Mask:
    if strata is not None and any(isinstance(stratum, frozenset) for stratum in strata):
        return _iterative(_members(strata, groups), folds, draw)[groups]
    labels = numbered(strata) if strata is not None else np.zeros(len(groups), dtype=np.int64)
    return _systematic(labels, groups, folds, draw)


def latest(times: npt.NDArray[np.float64], groups: Numbers, folds: int) -> Mask:
    """A mask of the latest rows, about one in `folds`; none if all have one time.

    Groups stay whole, and one counts by its latest row; so do all groups of one time.

    Args:
        times: The time of each row.
        groups: The number of each row's group; a row without a group is one by itself.
        folds: One in how many.
    """
    last = np.full(int(groups.max()) + 1, -np.inf)
    np.maximum.at(last, groups, times)
    moments, counts = np.unique(last[groups], return_counts=True)
    if len(moments) < 2:
        return np.zeros(len(times), dtype=bool)
    since = counts[::-1].cumsum()[::-1][1:]  # how many rows there are at each moment but the first, and after it
    return last[groups] >= moments[1:][np.abs(since - len(times) / folds).argmin()]


def _systematic(labels: Numbers, groups: Numbers, folds: int, draw: np.random.Generator) -> Mask:
    """Every so many of the shuffled groups in the order of their strata, and of their sizes: each stratum gives its
    fraction to within one group, however small it is."""
    first = np.unique(groups, return_index=True)[1]  # a group counts to the stratum of its first row
    stratum_of = labels[first]
    pairs = np.unique(np.column_stack([labels, groups]), axis=0)
    single = pairs[np.bincount(pairs[:, 0])[pairs[:, 0]] == 1, 1]
    order = draw.permutation(len(first))
    order = order[~np.isin(order, single)]  # the only group that has rows of a stratum is never held out
    order = order[np.lexsort((np.bincount(groups)[order], stratum_of[order]))]
    held = np.isin(groups, order[draw.integers(max(1, min(folds, len(order)))) :: folds])
    for stratum in np.setdiff1d(labels, labels[~held]):
        held &= ~np.isin(groups, groups[labels == stratum])
    return held


def _members(strata: Sequence[Hashable], groups: Numbers) -> Members:
    """For each group the numbers of its rows' strata; rows in none are a stratum of their own."""
    numbers: dict[Hashable, int] = {}
    members: list[set[int]] = [set() for _ in range(int(groups.max()) + 1)]
    for stratum, group in zip(strata, groups.tolist(), strict=True):
        for one in sorted(several_of(stratum), key=repr) or [None]:
            members[group].add(numbers.setdefault(one, len(numbers)))
    return [sorted(several) for several in members]


def several_of(stratum: Hashable) -> frozenset[Hashable]:
    """The strata that a row is in."""
    return stratum if isinstance(stratum, frozenset) else frozenset((stratum,))


def _iterative(members: Members, folds: int, draw: np.random.Generator) -> Mask:
    """Iterative stratification (Sechidis et al., 2011) into two parts, shape (groups,).

    The stratum with the fewest undecided groups comes first, because later there would be none left to choose from. A
    group is passed over, where that can be, if another of its strata has given its due already, and always if it is the
    last one that a stratum has for training. Where so few groups share so many strata that none is due, one is held
    out.
    """
    order: list[int] = draw.permutation(len(members)).tolist()
    groups_of: list[list[int]] = [[] for _ in range(1 + max(max(several) for several in members))]
    for group in order:
        for stratum in members[group]:
            groups_of[stratum].append(group)
    left = np.array([len(groups) for groups in groups_of], dtype=np.float64)
    due, spare = _dues(left, folds, draw), [len(groups) - 1 for groups in groups_of]
    held, decided = np.zeros((2, len(members)), dtype=bool)
    while np.isfinite(left).any():
        stratum = int(left.argmin())
        waiting = [group for group in groups_of[stratum] if not decided[group]]
        waiting.sort(key=lambda group: min(due[one] for one in members[group]) <= 0)
        for group in waiting:
            decided[group] = True
            gives = due[stratum] > 0 and min(spare[one] for one in members[group]) > 0
            held[group] = gives
            for one in members[group]:
                left[one] -= 1
                due[one] -= gives
                spare[one] -= gives
        left[stratum] = np.inf
    if not held.any():
        held[[group for group in order if min(spare[one] for one in members[group]) > 0][:1]] = True
    return held


def _dues(sizes: npt.NDArray[np.float64], folds: int, draw: np.random.Generator) -> list[int]:
    """How many groups each stratum is to give: its fraction, rounded so that the sum is right as well (systematic
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
    fraction = (rank + draw.random(len(sizes))[labels[order]]) / sizes[labels[order]]
    fraction[_firsts(strata, order) if several and strata is not None else rank == 0] = -1.0
    return order[np.argsort(fraction, kind="stable")]


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

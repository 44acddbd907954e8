"""`split`: from a `Scan` to `Data`. Splits that the data gives are kept; missing ones are drawn, stratified and seeded,
or cut by time.

It knows no modality; what to keep in proportion is said by the problem (`Problem.strata`), and how by `stratify`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autosft.contracts.problem import Problem
from autosft.contracts.rows import SPLITS, Data, Numbers, Rows, Scan, objects
from autosft.data.stratify import hold_out, latest, precedence, several_of
from autosft.errors import BadInput

Mask = npt.NDArray[np.bool_]

TEST_FOLDS = 5
"""One row in five tests, where the data says nothing."""

FEWEST_FOLDS, MOST_FOLDS = 5, 10
USUAL_VALID = 400
"""So many rows are held out to validate on where that is between a tenth and a fifth of them."""

FEW_VALID = 400
"""With fewer validation rows, trials that leave the encoder as it is are cross-validated: rows are encoded already."""

MOST_UNLEARNED = 2
"""A fold that learns from a few rows says little of what is learned from most."""

MOST_TEST, MOST_VALID = 5000, 1000
"""Of very many rows no more are held out: the standard error of an accuracy is then below 1 and 2 points."""


def split(scan: Scan, problem: Problem, *, seed: int, hold_out_test: bool = True) -> Data:
    """Give every labelled row a split.

    Rows that the data calls `"valid"` or `"test"` stay there. Without a test split, a fifth of the rows, at most 5,000,
    is held out for it (unless `hold_out_test` is False). Without a validation split, between a fifth and a tenth of the
    rows, at most 1,000, is held out: about 400 rows where that lies between. Of more than 1,000 validation rows, as the
    data or large groups may give, so many are kept, each stratum in proportion, and the others left out.

    Rows of one group go into one split. Where rows differ in time, the latest test and the latest of the others
    validate, whatever their strata; rows of the same time go into one split, and a group counts by its latest row.
    Training rows of weight 0 are left out; weights are scaled so that those of the others have a mean of 1.

    Args:
        scan: What the modality found.
        problem: The problem of the task's first target; its strata are kept in proportion.
        seed: The same seed gives the same splits of the same rows.
        hold_out_test: Whether to make a test split where the data gives none.

    Raises:
        BadInput: A split is empty, or there are too few rows, groups or times to split, or no row has a weight.
    """
    rows = scan.rows
    given = np.array([str(name) for name in rows.split])
    test, valid = given == "test", given == "valid"
    by_time = is_timed(rows.take(~test & ~valid))
    if not test.any() and hold_out_test:
        pool = ~valid
        folds = max(TEST_FOLDS, round(int(pool.sum()) / MOST_TEST))
        test = _hold_out(rows, pool, problem, folds=folds, seed=seed, by_time=by_time)
    pool = ~test & ~valid
    if not pool.any():
        raise BadInput("There are no rows to train on: every labelled row is in a validation or test split.")
    valid_is_predefined = bool(valid.any())
    if not valid_is_predefined:
        folds = int(np.clip(round(int(pool.sum()) / USUAL_VALID), FEWEST_FOLDS, MOST_FOLDS))
        folds = max(folds, round(int(pool.sum()) / MOST_VALID))
        valid = _hold_out(rows, pool, problem, folds=folds, seed=seed + 1, by_time=by_time)
    names = np.where(test, "test", np.where(valid, "valid", "train"))
    rows = _weighted(rows.with_columns(split=objects(names.tolist())))
    parts = [with_order(rows.take(rows.split == name), problem, seed=seed) for name in SPLITS]
    if valid_is_predefined or any(rows.group):
        parts[1] = subset(parts[1], MOST_VALID)
    rows = sum(parts[1:], start=parts[0])
    return with_folds(
        Data.of(rows, shuffled(scan.unlabeled, seed), valid_is_predefined, fingerprint_of(rows)), problem, seed=seed
    )


def transductive(data: Data, *, seed: int) -> Data:
    """The same data, whose test rows without their targets are unlabelled rows too.

    Raises:
        BadInput: There are no test rows.
    """
    if data.test is None:
        raise BadInput("--transductive: there are no test rows to learn from; name rows without targets instead.")
    bare = data.test.with_columns(
        id=objects(f"{name} (without its target)" for name in data.test.id), targets=objects(() for _ in data.test.id)
    )
    return replace(data, unlabeled=shuffled(data.unlabeled + bare, seed))


def with_folds(data: Data, problem: Problem, *, seed: int) -> Data:
    """The same data with folds, where validation rows are few. The validation split is one of them.

    There are none where the data itself says which rows validate, or when they were taken, where 400 rows validate
    already, and where groups are so large that a fold would validate more than twice the rows that it learns from.

    Args:
        data: The splits.
        problem: The problem of the task's first target; its strata are kept in proportion.
        seed: Decides the folds.
    """
    labelled = data.train + data.valid
    if data.valid_is_predefined or len(data.valid) >= FEW_VALID or is_timed(labelled):
        return data
    fold = np.zeros(len(labelled), dtype=np.int64)
    left = np.arange(len(data.train))
    for count in range(round(len(data.train) / len(data.valid)), 0, -1):
        some = data.train.take(left)
        held = np.ones(len(left), dtype=bool)
        if count > 1:
            held = hold_out(strata_of(problem, some), some.group_ids(), count, np.random.default_rng(seed + count))
        if held.any():
            fold[left[held]] = fold.max() + 1
        left = left[~held]
    sizes = np.bincount(fold)[1:]
    if not len(sizes) or any(sizes > MOST_UNLEARNED * (len(fold) - sizes)):
        return data
    rows = labelled.with_columns(fold=fold)
    count = len(data.train)
    return replace(data, train=rows[:count], valid=rows[count:])


def strata_of(problem: Problem, rows: Rows) -> Sequence[Hashable] | None:
    """For each row the stratum, or the frozenset of strata, that splits keep in proportion; None if there are none.

    Where some targets are missing, all rows that have a problem's target are a stratum too.

    Args:
        problem: The problem of the task's first target.
        rows: The rows, with targets.

    Raises:
        BadInput: A target is not of the problem.
    """
    having = rows.with_target(0)
    strata = problem.strata(having.target(0)) if len(having) else None
    if all(rows.present(position) is None for position in range(len(rows.targets[0]) if len(rows) else 0)):
        return strata
    own = iter(strata if strata is not None else [frozenset[Hashable]()] * len(having))
    found: list[Hashable] = []
    for targets in rows.targets:
        there = frozenset(position for position, target in enumerate(targets) if target is not None)
        found.append(
            frozenset(_Has(position) for position in there) | (several_of(next(own)) if 0 in there else frozenset())
        )
    return found


@dataclass(frozen=True)
class _Has:
    """The stratum of the rows that have a problem's target."""

    position: int


def is_timed(rows: Rows) -> bool:
    """Whether rows differ in time, so that they are split by it."""
    return len(np.unique(rows.time)) > 1


def _hold_out(rows: Rows, pool: Mask, problem: Problem, *, folds: int, seed: int, by_time: bool) -> Mask:
    """A mask of about one in `folds` of the pool's rows; groups stay whole. Unless by time, no stratum leaves training.

    Raises:
        BadInput: There are too few rows, groups or times, or a target is not of the problem.
    """
    positions = np.flatnonzero(pool)
    some = rows.take(positions)
    strata, groups = strata_of(problem, some), some.group_ids()
    draw = np.random.default_rng(seed)
    held = latest(some.time, groups, folds) if by_time else hold_out(strata, groups, folds, draw)
    if not held.any():
        what = "groups" if any(some.group) else "rows"
        why = "all share one time" if by_time else "some label would have none to train on"
        raise BadInput(
            f"{len(set(groups.tolist()))} {what} are too few to split: {why}. Give more, or a split of your own."
        )
    mask = np.zeros(len(rows), dtype=bool)
    mask[positions[held]] = True
    return mask


def _weighted(rows: Rows) -> Rows:
    """The rows without those of weight 0 among the training rows, and with weights whose mean over these is 1.

    Raises:
        BadInput: No row to train on, or none to validate on, has a weight above 0.
    """
    if (rows.weight == 1).all():
        return rows
    for name, what in (("train", "train on"), ("valid", "validate on")):
        if not (rows.weight[rows.split == name] > 0).any():
            raise BadInput(f"None of the rows to {what} has a weight above 0.")
    rows = rows.take((rows.split != "train") | (rows.weight > 0))
    weight = rows.weight / rows.weight.max()  # so that no sum is too large for a float
    return rows.with_columns(weight=weight / weight[rows.split == "train"].mean())


def subset(rows: Rows, count: int) -> Rows:
    """About `count` of the rows of a split, each stratum in proportion; a smaller subset lies in a larger one.

    Args:
        rows: What to choose from.
        count: How many; 0 means all.
    """
    if not count or count >= len(rows):
        return rows
    return rows.take(np.sort(np.argsort(rows.order, kind="stable")[:count]))


def portions(rows: Rows, count: int, size: int) -> Iterator[Rows]:
    """What `subset` gives, so many rows at a time, each stratum in proportion in each of them."""
    chosen = np.argsort(rows.order, kind="stable")[: count or len(rows)]
    for start in range(0, len(chosen), size):
        yield rows.take(np.sort(chosen[start : start + size]))


def with_order(rows: Rows, problem: Problem, *, seed: int) -> Rows:
    """The rows of a split with an order of which every beginning has each stratum in proportion.

    Args:
        rows: The rows.
        problem: The problem of the task's first target; its strata are kept in proportion.
        seed: Decides the order.
    """
    if not len(rows):
        return rows
    order: Numbers = np.empty(len(rows), dtype=np.int64)
    order[precedence(strata_of(problem, rows), len(rows), np.random.default_rng(seed))] = np.arange(len(rows))
    return rows.with_columns(order=order)


def shuffled(rows: Rows, seed: int) -> Rows:
    """Rows without targets, in an order of which every beginning is drawn at random."""
    return rows.with_columns(order=np.random.default_rng(seed).permutation(len(rows)))


def fingerprint_of(rows: Rows) -> str:
    """sha256 over the ids, targets and splits of rows, whatever their order."""
    content: list[Any] = sorted([row.id, row.targets, row.split] for row in rows)
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()

"""`split`: from a `Scan` to `Data`. Splits that the data gives are kept; missing ones are drawn, stratified and seeded.

It knows no modality; what to keep in proportion is said by the problem (`Problem.strata`), and how by `stratify`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from autosft.contracts.problem import Problem
from autosft.contracts.rows import SPLITS, Data, Rows, Scan
from autosft.data.stratify import hold_out, numbered, precedence
from autosft.errors import BadInput

Mask = npt.NDArray[np.bool_]

TEST_FOLDS = 5
"""One row in five tests, where the data says nothing."""

MOST_TEST, MOST_VALID = 5000, 1000
"""Of very many rows no more are held out: the standard error of an accuracy is then below 1 and 2 points."""


def split(scan: Scan, problem: Problem, *, seed: int, hold_out_test: bool = True) -> Data:
    """Give every labelled row a split.

    Rows that the data calls `"valid"` or `"test"` stay there; of more than 1,000 validation rows so many are kept, each
    stratum in proportion, and the others left out. Without a test split, a fifth of the rows, at most 5,000, is held
    out for it (unless `hold_out_test` is False). Without a validation split, between a third and a tenth of the
    rows, at most 1,000, is held out: about 200 rows where that lies between.

    Args:
        scan: What the modality found.
        problem: The task's first problem; its strata are kept in proportion.
        seed: The same seed gives the same splits of the same rows.
        hold_out_test: Whether to make a test split where the data gives none.

    Raises:
        BadInput: A split is empty, or there are too few rows to split.
    """
    rows = scan.rows
    given = np.array([str(name) for name in rows.split])
    test, valid = given == "test", given == "valid"
    if not test.any() and hold_out_test:
        pool = ~valid
        folds = max(TEST_FOLDS, round(int(pool.sum()) / MOST_TEST))
        test = _hold_out(rows, pool, problem, folds=folds, seed=seed)
    pool = ~test & ~valid
    if not pool.any():
        raise BadInput("There are no rows to train on: every labelled row is in a validation or test split.")
    valid_is_given = bool(valid.any())
    if not valid_is_given:
        folds = int(np.clip(round(int(pool.sum()) / 200), 3, 10))
        folds = max(folds, round(int(pool.sum()) / MOST_VALID))
        valid = _hold_out(rows, pool, problem, folds=folds, seed=seed + 1)
    names = np.where(test, "test", np.where(valid, "valid", "train"))
    rows = rows.with_split(names.tolist())
    parts = {name: rows.take(names == name) for name in SPLITS}
    if valid_is_given:
        parts["valid"] = subset(parts["valid"], problem, MOST_VALID, seed=seed)
    return Data(
        train=parts["train"],
        valid=parts["valid"],
        test=parts["test"] if test.any() else None,
        unlabeled=scan.unlabeled,
        given=valid_is_given,
        fingerprint=fingerprint_of(parts["train"] + parts["valid"] + parts["test"]),
    )


def _hold_out(rows: Rows, pool: Mask, problem: Problem, *, folds: int, seed: int) -> Mask:
    """A mask of about one in `folds` of the pool's rows; groups stay whole, and no stratum leaves training.

    Raises:
        BadInput: There are too few rows, or a target is not of the problem.
    """
    positions = np.flatnonzero(pool)
    strata = problem.strata([rows.targets[position][0] for position in positions])
    units = numbered([group or number for number, group in enumerate(rows.group[positions])])
    held = hold_out(strata, units, folds, np.random.default_rng(seed))
    if not held.any():
        what = "groups" if any(rows.group[positions]) else "rows"
        raise BadInput(
            f"{len(set(units))} {what} are too few to split: some label would have none to train on. "
            "Give more, or a split of your own."
        )
    mask = np.zeros(len(rows), dtype=bool)
    mask[positions[held]] = True
    return mask


def subset(rows: Rows, problem: Problem, count: int, *, seed: int) -> Rows:
    """About `count` of the rows, each stratum in proportion; with the same seed, a smaller subset lies in a larger one.

    Args:
        rows: What to choose from.
        problem: The task's first problem; its strata are kept in proportion.
        count: How many; 0 means all.
        seed: Decides the choice.
    """
    if not count or count >= len(rows):
        return rows
    strata = problem.strata([row.targets[0] for row in rows])
    chosen = precedence(strata, len(rows), np.random.default_rng(seed))[:count]
    return rows.take(np.sort(chosen))


def fingerprint_of(rows: Rows) -> str:
    """sha256 over the ids, targets and splits of rows, whatever their order."""
    content: list[Any] = sorted([row.id, row.targets, row.split] for row in rows)
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()

"""`split`: from a `Scan` to `Data`. Splits that the data gives are kept; missing ones are drawn, stratified and seeded.

It knows no modality; what to keep in proportion is said by the problem (`Problem.strata`).
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autosft.contracts.problem import Problem
from autosft.contracts.rows import Data, Rows, Scan
from autosft.errors import BadInput

Mask = npt.NDArray[np.bool_]

TEST_FOLDS = 5
"""One row in five tests, where the data says nothing."""


def split(scan: Scan, problem: Problem, *, seed: int, hold_out_test: bool = True) -> Data:
    """Give every labelled row a split.

    Rows that the data calls `"valid"` or `"test"` stay there. Without a test split, a fifth of the rows is held out for
    it (unless `hold_out_test` is False). Without a validation split, between a third and a tenth of the rows is held
    out: about 200 rows where that lies between.

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
        test = _hold_out(rows, pool, problem, folds=TEST_FOLDS, seed=seed)
    pool = ~test & ~valid
    if not pool.any():
        raise BadInput("There are no rows to train on: every labelled row is in a validation or test split.")
    valid_is_given = bool(valid.any())
    if not valid_is_given:
        folds = int(np.clip(round(int(pool.sum()) / 200), 3, 10))
        valid = _hold_out(rows, pool, problem, folds=folds, seed=seed + 1)
    names = np.where(test, "test", np.where(valid, "valid", "train"))
    rows = rows.with_split(names.tolist())
    return Data(
        train=rows.take(names == "train"),
        valid=rows.take(names == "valid"),
        test=rows.take(names == "test") if test.any() else None,
        unlabeled=scan.unlabeled,
        given=valid_is_given,
        fingerprint=_fingerprint(rows),
    )


def _hold_out(rows: Rows, pool: Mask, problem: Problem, *, folds: int, seed: int) -> Mask:
    """A mask of about one in `folds` of the pool's rows; groups stay whole, and no stratum leaves training."""
    from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

    positions = np.flatnonzero(pool)
    if len(positions) < 4:
        raise BadInput(f"{len(positions)} rows are too few to split; give at least 4, or a split of your own.")
    strata = problem.strata([rows.targets[position][0] for position in positions])
    labels = _numbered(strata) if strata is not None else np.zeros(len(positions), dtype=np.int64)
    groups = rows.group[positions]
    largest = int(np.bincount(labels).max())
    folds = min(folds, len(positions))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # small strata cannot be in every fold; they are put back below
        if any(groups):
            keys = [group or f"row {position}" for group, position in zip(groups, positions, strict=True)]
            parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, keys)
        elif largest >= 2:
            parts = StratifiedKFold(min(folds, largest), shuffle=True, random_state=seed).split(labels, labels)
        else:
            parts = KFold(folds, shuffle=True, random_state=seed).split(labels)
        kept, held = next(iter(parts))
    held = held[np.isin(labels[held], labels[kept])]
    if not len(held):
        raise BadInput(f"{len(positions)} rows are too few to split: every label stands on a single row or group.")
    mask = np.zeros(len(rows), dtype=bool)
    mask[positions[held]] = True
    return mask


def _numbered(strata: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(stratum, len(numbers)) for stratum in strata], dtype=np.int64)


def _fingerprint(rows: Rows) -> str:
    content: list[Any] = [[row.id, row.targets, row.split] for row in rows]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()

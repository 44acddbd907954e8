"""How unlike the training rows other rows are: a classifier two-sample test on encoded rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from autosft.contracts.record import Shift
from autosft.contracts.rows import Rows
from autosft.contracts.scoring import Positions
from autosft.contracts.tensors import Encoder
from autosft.contracts.trial import Parts, Runtime
from autosft.data.resampling import bootstrap
from autosft.training.features import encode
from autosft.training.metrics.fast import roc_areas
from autosft.training.seeds import seed_of

Floats = npt.NDArray[np.floating[Any]]
GroupIds = npt.NDArray[np.int64]

MOST, LEAST = 500, 40
"""Rows of either side that are looked at, and how few tell too little."""

STRENGTH = 0.01
"""scikit-learn's `C` over standardized features: they are often more than the rows."""

RESAMPLES, CONFIDENCE = 200, 0.95

WORTH_SAYING = 0.55
"""If the lower end of the interval is above this, it is no chance, and not little."""


MEANING = {
    "valid": ("validation", "other rows may be scored otherwise"),
    "test": ("test", "other rows may be scored otherwise"),
    "unlabeled": ("unlabelled", "what is learned from them may do harm"),
}
"""What rows are called, and what follows if they are unlike the training rows."""


def sample_of(rows: Rows, seed: int) -> Rows:
    """At most `MOST` of the rows, always the same."""
    draw = np.random.default_rng(seed_of(seed, "shift"))
    return rows.take(np.sort(draw.permutation(len(rows))[:MOST]))


def shift_of(parts: Parts, runtime: Runtime, encoder: Encoder, train: Rows, other: Rows) -> Shift | None:
    """How well a linear classifier tells encoded rows from training rows (Lopez-Paz and Oquab, 2017); None where there
    are too few to tell.

    Args:
        parts: Who encodes them.
        runtime: Has a cache of encoded rows.
        encoder: The encoder as it was loaded: one that has learned from the training rows knows them.
        train: Rows that are trained on.
        other: Rows that may be unlike them.
    """
    if min(len(train), len(other)) < LEAST:
        return None
    features = [encode(parts, runtime, encoder, rows).float().numpy() for rows in (train, other)]
    return two_sample(*features, groups=(train.group_ids(), other.group_ids()), seed=parts.recipe.seed)


def two_sample(one: Floats, other: Floats, *, groups: tuple[GroupIds, GroupIds], seed: int) -> Shift | None:
    """A logistic regression on half of the groups of each side, and its area under the ROC curve on the other half with
    a 95 % bootstrap percentile interval over groups (Efron, 1979). None if a side has too few groups to be halved.

    Args:
        one: Features, shape (rows, width).
        other: Of the same width.
        groups: The number of each row's group. Its rows are alike and go into one half, so that it is not groups that
            are told apart.
        seed: Decides the halves.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    draw = np.random.default_rng(seed)
    halves = [np.isin(side, draw.permutation(np.unique(side))[::2]) for side in groups]
    table, truth = np.concatenate([one, other]), np.repeat([0, 1], [len(one), len(other)])
    learned = np.concatenate(halves)
    if any(half.all() for half in halves):
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=300))
    scores = model.fit(table[learned], truth[learned]).decision_function(table[~learned])
    truth = truth[~learned]
    group = np.concatenate([groups[0], groups[1] + groups[0].max() + 1])[~learned]

    def area(chosen: Positions) -> float:
        positive = truth[chosen] == 1
        if positive.all() or not positive.any():
            return np.nan
        return float(roc_areas(positive[:, None], scores[chosen, None])[0])

    areas = bootstrap(area, group, seed=seed_of(seed, "shift"), resamples=RESAMPLES)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(areas, [tail, 1 - tail])
    auroc = area(np.arange(len(group)))
    return Shift(auroc=auroc, interval=(float(low), float(high)), rows=len(one) + len(other))


def words_of(shift: Mapping[str, Shift], backbone: str) -> tuple[str, ...]:
    """What the user should know of it, if anything.

    Args:
        shift: What was found, by the rows: `"valid"`, `"test"` or `"unlabeled"`.
        backbone: Whose features were looked at.
    """
    told: list[str] = []
    for name, one in shift.items():
        if one.interval[0] >= WORTH_SAYING:
            (what, so), (low, high) = MEANING[name], one.interval
            told.append(
                f"the {what} rows are unlike the training rows: a linear classifier on features of {backbone} tells "
                f"them apart with an AUROC of {one.auroc:.2f} (95 % interval {low:.2f} to {high:.2f}; 0.5 if they were "
                f"alike), so {so}; look at what differs, such as where or when they were taken"
            )
    return tuple(told)

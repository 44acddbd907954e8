"""`facts_of`: what the rows are like that a search works on."""

from __future__ import annotations

import numpy as np

from autosft.contracts.facts import Facts
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.rows import Data
from autosft.data.labels import labels_of
from autosft.data.splits import subset

ENOUGH = 1000
"""So many rows tell how long they are."""


def facts_of(data: Data, problem: Problem, modality: Modality) -> Facts:
    """Counts of rows and labels, and lengths; nothing of what there is to compute with.

    Args:
        data: The rows.
        problem: The problem of the task's first target.
        modality: Says how long a row is.
    """
    labels = labels_of(data.train, problem)
    return Facts(
        train=len(data.train),
        valid=len(data.valid),
        test=0 if data.test is None else len(data.test),
        unlabeled=len(data.unlabeled),
        targets=tuple(len(data.train.with_target(position)) for position in range(len(data.train.targets[0]))),
        folds=len(data.further_folds()),
        classes=len(labels),
        fewest=min(labels.values(), default=0),
        length=float(np.median([modality.length(row) for row in subset(data.train, ENOUGH)])),
    )

"""Cross-validation of a strategy whose encoder stays as it was loaded: encoded rows serve every fold."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Job, States, Strategy
from autosft.training.loop import train


def mean_over_folds(
    job: Job,
    strategy: Strategy,
    score: float,
    folds: Sequence[tuple[Rows, Rows]],
    states_of: Callable[[int, Rows], States],
) -> float:
    """The mean over folds of the validation score, each fold weighing as many rows as it validates.

    Args:
        job: The first fold.
        strategy: How to train.
        score: The score on the first fold.
        folds: Training and validation rows of the others.
        states_of: What the parts learn from the training rows of a fold, by its number.

    Raises:
        OutOfTime: There is no time for every fold.
        BadInput: The training rows of a fold do not make the problem.
        Diverged: A score is not finite.
    """
    total, rows = score * len(job.valid), len(job.valid)
    for number, (learned, held_out) in enumerate(folds, 1):
        folder = job.folder / f"fold-{number}"
        try:
            states = states_of(number, learned)
            fold = replace(job, train=learned, valid=held_out, states=states, folder=folder)
            evaluation = train(fold, strategy).evaluation
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        assert evaluation is not None  # there are rows to validate on
        total, rows = total + evaluation.score * len(held_out), rows + len(held_out)
    return total / rows

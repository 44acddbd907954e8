"""Cross-validation: what models answer to rows that they have not seen, over all folds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from autosft.contracts.document import is_draft
from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Strategy
from autosft.contracts.trial import Runtime, States, Trial
from autosft.errors import BadInput
from autosft.training.evaluation import Evaluation, assess
from autosft.training.loop import train
from autosft.training.teacher import TAUGHT


def cross_validate(
    trial: Trial,
    runtime: Runtime,
    strategy: Strategy,
    first: Evaluation,
    folds: Sequence[tuple[Rows, Rows]],
    states_of: Callable[[int, Rows], States],
) -> tuple[Evaluation, Rows]:
    """The out-of-fold answers to the rows of all folds, tuned and scored together, and these rows: those of the first
    fold, then those of the others.

    What a fold has answered stays in the trial's folder until all are done, and so does the checkpoint of the fold
    under way: a trial that was killed goes on where it was.

    Args:
        trial: The first fold.
        runtime: Where to compute.
        strategy: How to train.
        first: What the model of the first fold answered.
        folds: Training and validation rows of the others.
        states_of: What the parts learn from the training rows of a fold, by its number.

    Raises:
        OutOfTime: There is no time for every fold.
        BadInput: The training rows of a fold do not make the problem, or not with the same labels.
        Diverged: A score is not finite.
    """
    answers, rows = [first.outputs], trial.valid
    for number, (learned, held_out) in enumerate(folds, 1):
        folder = trial.folder / f"fold-{number}"
        if not StoredOutputs.is_there(folder):
            states = states_of(number, learned)
            parts = replace(trial.parts, states=states)
            fold = replace(trial, parts=parts, train=learned, valid=held_out, folder=folder, pause_after=None)
            evaluation = train(fold, runtime, strategy).evaluation
            assert evaluation is not None  # there are rows to validate on
            StoredOutputs(held_out, evaluation.outputs, evaluation.states).write(folder)
            forget_checkpoints(fold)
        stored = StoredOutputs.read(folder, held_out.columns)
        pairs = zip(trial.parts.problems, first.states, stored.states, strict=True)
        if any(list(problem.classes(one)) != list(problem.classes(other)) for problem, one, other in pairs):
            raise BadInput(f"fold {number + 1} of {len(folds) + 1} has other labels to learn from")
        answers.append(stored.outputs)
        rows = rows + held_out
    whole = tuple(Outputs.concat(parts) for parts in zip(*answers, strict=True))
    return assess(trial.parts, whole, rows), rows


def forget_checkpoints(trial: Trial) -> None:
    """Delete what stages, folds and teachers have left in the trial's folder, when its model lies there; and what
    workers that were killed had written half."""
    for path in trial.folder.iterdir():
        if path.suffix == ".pt" or is_draft(path):
            path.unlink()
    for folder in (*trial.folder.glob("fold-*"), *trial.folder.glob(TAUGHT)):
        shutil.rmtree(folder)

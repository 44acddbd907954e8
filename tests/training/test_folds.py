"""Cross-validated answers are those of models which have not seen the rows; a killed trial goes on among its folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.contracts.outputs import OUTPUT_FILES
from autosft.contracts.rows import Data
from autosft.contracts.strategy import Fit, Strategy
from autosft.data.splits import with_folds
from autosft.errors import BadInput, OutOfTime
from autosft.testing.toy import ToyStrategy
from autosft.training.folds import cross_validate, forget_checkpoints
from autosft.training.loop import train


class Memory(Strategy):
    """Remembers whom it has met, and answers by a head that gives the first class."""

    name, cheap = "memory", True

    def __init__(self):
        self.met = []

    def stages(self, trial, runtime, model):
        yield Fit("memory", lambda: self.meet(trial, model))

    def meet(self, trial, model):
        self.met.append((set(trial.train.id), set(trial.valid.id)))
        with torch.no_grad():
            model.heads[0].linear.weight.zero_()
            model.heads[0].linear.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))


class Late(Memory):
    def meet(self, trial, model):
        super().meet(trial, model)
        if len(self.met) > 2:
            raise OutOfTime("no time")


def folds_of(trial):
    data = Data(
        train=trial.train,
        valid=trial.valid,
        test=None,
        unlabeled=trial.unlabeled,
        valid_is_predefined=False,
        fingerprint="",
    )
    return with_folds(data, Classification(), seed=0).further_folds()


def crossed(trial, runtime, strategy, folds):
    return cross_validate(
        trial,
        runtime,
        strategy,
        train(trial, runtime, strategy).evaluation,
        folds,
        lambda number, rows: trial.parts.states,
    )


def test_each_row_is_answered_once_by_a_model_that_has_not_seen_it(trial, runtime):
    folds, strategy = folds_of(trial), Memory()

    evaluation, rows = crossed(trial, runtime, strategy, folds)

    assert len(strategy.met) == 1 + len(folds) >= 3
    assert all(not learned & held_out for learned, held_out in strategy.met)
    assert sorted(rows.id) == sorted((trial.train + trial.valid).id)
    assert evaluation.score == pytest.approx(np.mean([target == "a" for target in rows.target(0)]))


def test_a_trial_that_was_cut_off_among_its_folds_goes_on_there(trial, runtime):
    folds, late, strategy = folds_of(trial), Late(), Memory()
    first = train(trial, runtime, strategy).evaluation

    def states_of(number, rows):
        return trial.parts.states

    with pytest.raises(OutOfTime):
        cross_validate(trial, runtime, late, first, folds, states_of)
    evaluation, _ = cross_validate(trial, runtime, strategy, first, folds, states_of)

    assert len(late.met) == 3 and len(strategy.met) == 1 + len(folds) - 2
    whole, _ = cross_validate(replace(trial, folder=trial.folder / "anew"), runtime, Memory(), first, folds, states_of)
    assert evaluation.score == whole.score and evaluation.loss == whole.loss
    (trial.folder / ".last.pt.4711.tmp").write_bytes(b"half")  # of a worker that was killed while it wrote
    forget_checkpoints(trial)
    assert not list(trial.folder.glob("fold-*")) and not list(trial.folder.glob("*.tmp"))


def test_folds_with_other_labels_are_not_joined(trial, runtime):
    other = Classification().fit(["a", "b", "b"])
    folds = folds_of(trial)
    first = train(trial, runtime, Memory()).evaluation
    with pytest.raises(BadInput, match="fold 2 of"):
        cross_validate(
            trial,
            runtime,
            Memory(),
            replace(first, states=(other,)),
            folds,
            lambda number, rows: trial.parts.states,
        )


def test_without_early_stopping_a_stage_runs_to_its_end_and_keeps_its_last_weights(trial, runtime):
    seen = []
    strategy = ToyStrategy()
    hasty = trial.with_recipe(stop=trial.parts.recipe.stop.model_copy(update={"patience": 1}))

    stopped = train(replace(hasty, folder=trial.folder / "stopped"), runtime, strategy)
    trained = train(replace(hasty, early_stopping=False, folder=trial.folder / "whole"), runtime, strategy, seen.append)

    (stage,) = trained.best
    assert len(seen) == trial.parts.recipe.stop.max_epochs == trained.best[stage] >= len(stopped.epochs)
    assert trained.evaluation.score == seen[-1].score


def test_of_a_fold_that_is_done_only_its_answers_stay(trial, runtime):
    short = trial.with_recipe(stop=trial.parts.recipe.stop.model_copy(update={"max_epochs": 1}))

    crossed(short, runtime, ToyStrategy(), folds_of(trial))

    assert {path.name for path in trial.folder.glob("fold-*/*")} == set(OUTPUT_FILES)

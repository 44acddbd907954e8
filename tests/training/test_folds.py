"""The cross-validated score is that of models which have not seen the rows that they answer."""

from __future__ import annotations

import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.contracts.rows import Data
from autosft.contracts.strategy import Strategy
from autosft.data.splits import further_folds
from autosft.errors import OutOfTime
from autosft.training.folds import mean_over_folds


class Memory(Strategy):
    """Remembers whom it has met, and answers by a head that gives the first class."""

    name, cheap = "memory", True

    def __init__(self):
        self.met = []

    def fit(self, job, model):
        self.met.append((set(job.train.id), set(job.valid.id)))
        with torch.no_grad():
            model.heads[0].linear.weight.zero_()
            model.heads[0].linear.bias.copy_(torch.tensor([1.0, 0.0, 0.0]))


class Late(Memory):
    def fit(self, job, model):
        raise OutOfTime("no time")


def folds_of(job):

    data = Data(train=job.train, valid=job.valid, test=None, unlabeled=job.unlabeled, given=False, fingerprint="")
    return further_folds(data, Classification(), seed=0)


def test_each_fold_is_answered_by_a_model_that_has_not_seen_it_and_leaves_nothing_behind(job):
    folds, strategy = folds_of(job), Memory()

    score = mean_over_folds(job, strategy, 0.0, folds, lambda number, rows: job.states)

    assert len(strategy.met) == len(folds) >= 2
    assert all(not learned & held_out for learned, held_out in strategy.met)
    rows = job.train + job.valid
    first = sum(target == "a" for target in rows.target(0)) - sum(target == "a" for target in job.valid.target(0))
    assert score == pytest.approx(first / len(rows))
    assert not list(job.folder.glob("fold-*"))


def test_without_time_for_every_fold_there_is_no_score_and_nothing_is_left_behind(job):
    with pytest.raises(OutOfTime):
        mean_over_folds(job, Late(), 1.0, folds_of(job), lambda number, rows: job.states)
    assert not list(job.folder.glob("fold-*"))

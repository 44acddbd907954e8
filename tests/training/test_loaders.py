"""Batches: every row once or in balance, rows of like length together, the same again from the same seed."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.contracts.recipe import Regular
from autosft.testing.toy import ToyModality, ToyStrategy
from autosft.training import loaders
from autosft.training.evaluation import answer
from autosft.training.features import encode
from autosft.training.loaders import Loader, training_batches
from autosft.training.loop import train
from autosft.training.model import build_model


class Measured(ToyModality):
    """Points of many lengths, as if they were texts."""

    def length(self, row):
        return sum(map(ord, row.id)) * 7919 % 100


@pytest.fixture
def long_job(job, monkeypatch):
    monkeypatch.setattr(loaders, "WINDOW", 2)
    return replace(job, modality=Measured())


def drawn(loader, seed=0):
    torch.manual_seed(seed)
    return [batch.rows for batch in loader]


@pytest.mark.parametrize("size", [7, 11, 45, 100])
def test_every_row_comes_once_and_a_single_last_row_not_at_all(long_job, job, size):
    for each in (long_job, job):
        loader = Loader(each, each.train, shuffle=True, batch_size=size)
        batches = drawn(loader)
        rows = [row for batch in batches for row in batch]
        left = len(each.train) % size == 1 and len(each.train) > size
        assert len(batches) == len(loader) and len(rows) == len(set(rows)) == len(each.train) - left
        assert all(len(batch) > 1 for batch in batches)


def test_rows_of_like_length_train_together_in_another_order_each_time(long_job):
    length = {row.id: long_job.modality.length(row) for row in long_job.train}

    def spread(batches):
        return np.mean([np.ptp([length[row] for row in batch]) for batch in batches])

    loader = Loader(long_job, long_job.train, shuffle=True, batch_size=8)
    at_random = Loader(replace(long_job, modality=ToyModality()), long_job.train, shuffle=True, batch_size=8)
    first, second = drawn(loader, 0), drawn(loader, 1)
    assert spread(first) < 0.75 * spread(drawn(at_random))
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}
    means = [np.mean([length[row] for row in batch]) for batch in first]
    assert means != sorted(means)
    assert drawn(loader, 0) == first


def test_where_all_are_alike_the_order_is_one_draw(job):
    torch.manual_seed(3)
    expected = torch.randperm(len(job.train)).tolist()
    batches = drawn(Loader(job, job.train, shuffle=True, batch_size=8), seed=3)
    assert [row for batch in batches for row in batch] == [job.train.id[n] for n in expected][: len(job.train)]


def test_balanced_sampling_draws_a_rare_class_as_often_as_a_frequent_one(job):
    label = {row.id: row.targets[0] for row in job.train}
    seldom = [number for number, name in enumerate(label.values()) if name == "a"]
    train = job.train.take([number for number in range(len(label)) if number not in seldom[4:]])
    states = replace(job.states, problems=(job.problems[0].fit(train.target(0)),))
    for balance, share in (("none", 4 / len(train)), ("sampling", 1 / 3)):
        recipe = job.recipe.changed(regular=Regular(balance=balance))
        batches = training_batches(replace(job, train=train, states=states, recipe=recipe))
        rows = [row for seed in range(40) for batch in drawn(batches, seed) for row in batch]
        assert len(rows) == 40 * len(train)
        assert Counter(label[row] for row in rows)["a"] / len(rows) == pytest.approx(share, abs=0.04)


def test_answers_come_in_the_order_of_the_rows_whatever_their_lengths(long_job, job):
    model = build_model(job)
    torch.nn.init.normal_(model.heads[0].linear.weight)
    for cached in (False, True):
        sorted_out, plain = (answer(each, model, each.valid, cached=cached)[0] for each in (long_job, job))
        assert sorted_out.rows == tuple(job.valid.id)
        np.testing.assert_allclose(sorted_out.arrays["probabilities"], plain.arrays["probabilities"], atol=1e-6)


def test_rows_are_encoded_the_longest_first(long_job):
    seen = []

    def read(row):
        seen.append(long_job.modality.length(row))
        return long_job.modality.read(row)

    encode(replace(long_job, read=read), build_model(long_job).encoder, long_job.train)
    assert seen == sorted(seen, reverse=True)


def test_one_seed_gives_one_model_with_rows_of_many_lengths(long_job, tmp_path):
    first = train(long_job, ToyStrategy()).model.state_dict()
    second = train(replace(long_job, folder=tmp_path / "again"), ToyStrategy()).model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)

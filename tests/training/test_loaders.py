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
def long_trial(trial, monkeypatch):
    monkeypatch.setattr(loaders, "WINDOW", 2)
    return replace(trial, parts=replace(trial.parts, modality=Measured()))


def drawn(loader, seed=0):
    return [batch.rows for batch in loader.epoch(seed)]


@pytest.mark.parametrize("size", [7, 11, 45, 100])
def test_every_row_comes_once_and_a_single_last_row_not_at_all(long_trial, trial, runtime, size):
    for each in (long_trial, trial):
        loader = Loader(each.parts, runtime, each.train, shuffle=True, batch_size=size)
        batches = drawn(loader)
        rows = [row for batch in batches for row in batch]
        left = len(each.train) % size == 1 and len(each.train) > size
        assert len(batches) == len(loader) and len(rows) == len(set(rows)) == len(each.train) - left
        assert all(len(batch) > 1 for batch in batches)


def test_rows_of_like_length_train_together_in_another_order_each_time(long_trial, runtime):
    length = {row.id: long_trial.parts.modality.length(row) for row in long_trial.train}

    def spread(batches):
        return np.mean([np.ptp([length[row] for row in batch]) for batch in batches])

    loader = Loader(long_trial.parts, runtime, long_trial.train, shuffle=True, batch_size=8)
    at_random = Loader(
        replace(long_trial.parts, modality=ToyModality()),
        runtime,
        long_trial.train,
        shuffle=True,
        batch_size=8,
    )
    first, second = drawn(loader, 0), drawn(loader, 1)
    assert spread(first) < 0.75 * spread(drawn(at_random))
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}
    means = [np.mean([length[row] for row in batch]) for batch in first]
    assert means != sorted(means)
    assert drawn(loader, 0) == first


@pytest.mark.parametrize("size", [4, 8, 44])
def test_what_an_epoch_draws_does_not_depend_on_the_size_of_its_batches(trial, runtime, size):
    def seen(size):
        loader = Loader(trial.parts, runtime, trial.train[:44], ["strong"], shuffle=True, batch_size=size)
        return {row: point for batch in loader.epoch(3) for row, point in zip(batch.rows, batch.inputs, strict=True)}

    whole, parts = seen(11), seen(size)
    assert list(whole) == list(parts) and all(torch.equal(whole[row], parts[row]) for row in whole)


def test_views_of_a_row_are_drawn_anew_in_each_epoch_and_apart_from_each_other(trial, runtime):
    loader = Loader(trial.parts, runtime, trial.train, ["light", "light"], batch_size=9)
    first, again, other = (torch.cat([torch.stack(batch.inputs, 1) for batch in loader.epoch(n)]) for n in (1, 1, 2))
    assert torch.equal(first, again) and not torch.isclose(first, other).all(2).any()
    assert not torch.isclose(first[:, 0], first[:, 1]).all(1).any()


def test_balanced_sampling_draws_a_rare_class_as_often_as_a_frequent_one(trial, runtime):
    label = {row.id: row.targets[0] for row in trial.train}
    seldom = [number for number, name in enumerate(label.values()) if name == "a"]
    train = trial.train.take([number for number in range(len(label)) if number not in seldom[4:]])
    states = replace(trial.parts.states, problems=(trial.parts.problems[0].fit(train.target(0)),))
    for balance, fraction in (("none", 4 / len(train)), ("sampling", 1 / 3)):
        recipe = trial.parts.recipe.changed(regular=Regular(balance=balance))
        parts = replace(trial.parts, states=states, recipe=recipe)
        batches = training_batches(replace(trial, parts=parts, train=train), runtime)
        rows = [row for seed in range(40) for batch in drawn(batches, seed) for row in batch]
        assert len(rows) == 40 * len(train)
        assert Counter(label[row] for row in rows)["a"] / len(rows) == pytest.approx(fraction, abs=0.04)


def test_answers_come_in_the_order_of_the_rows_whatever_their_lengths(long_trial, trial, runtime):
    model = build_model(trial.parts, runtime)
    torch.nn.init.normal_(model.heads[0].linear.weight)
    for cached in (False, True):
        sorted_out, plain = (
            answer(each.parts, runtime, model, each.valid, cached=cached)[0] for each in (long_trial, trial)
        )
        np.testing.assert_allclose(sorted_out.arrays["probabilities"], plain.arrays["probabilities"], atol=1e-6)


def test_rows_are_encoded_the_longest_first(long_trial, runtime):
    seen = []

    def read(row):
        seen.append(long_trial.parts.modality.length(row))
        return long_trial.parts.modality.read(row)

    encode(
        long_trial.parts,
        replace(runtime, read=read),
        build_model(long_trial.parts, runtime).encoder,
        long_trial.train,
    )
    assert seen == sorted(seen, reverse=True)


def test_one_seed_gives_one_model_with_rows_of_many_lengths(long_trial, runtime, tmp_path):
    first = train(long_trial, runtime, ToyStrategy()).model.state_dict()
    second = train(replace(long_trial, folder=tmp_path / "again"), runtime, ToyStrategy()).model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)

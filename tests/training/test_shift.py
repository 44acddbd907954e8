"""Rows that are unlike the training rows are told apart with their strength, rows that are alike are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autosft.contracts.record import Shift
from autosft.contracts.rows import Row, Rows
from autosft.training.features import encode, unencoded
from autosft.training.model import build_model
from autosft.training.shift import MOST, sample_of, shift_of, two_sample, words_of


def compared(one, other, seed=0):
    """Two samples in which every row is a group."""
    return two_sample(one, other, groups=(np.arange(len(one)), np.arange(len(other))), seed=seed)


@pytest.fixture
def draw():
    return np.random.default_rng(0)


@pytest.mark.parametrize("width", [4, 400])
def test_samples_of_one_distribution_are_not_told_apart(draw, width):
    found = [compared(draw.normal(size=(200, width)), draw.normal(size=(120, width)), seed) for seed in range(20)]

    assert abs(np.mean([shift.auroc for shift in found]) - 0.5) < 0.05
    assert sum(shift.interval[0] > 0.5 for shift in found) <= 3
    assert not any(words_of({"test": shift} if shift else {}, "tiny/wide") for shift in found)


def test_the_strength_grows_with_the_distance(draw):
    one = draw.normal(size=(300, 8))
    found = [compared(one, draw.normal(size=(200, 8)) + distance) for distance in (0.3, 0.6, 1.5)]

    areas = [shift.auroc for shift in found]
    assert areas == sorted(areas) and areas[0] > 0.55 and areas[-1] > 0.98
    assert all(shift.interval[0] <= shift.auroc <= shift.interval[1] and shift.rows == 500 for shift in found)


def test_other_groups_of_the_same_kind_are_not_told_apart(draw):
    """Each group lies around a place of its own, and could be known by it."""
    groups = np.repeat(np.arange(20), 15)
    found = [
        two_sample(
            *(draw.normal(size=(20, 8))[groups] * 3 + draw.normal(size=(300, 8)) for _ in "ab"),
            groups=(groups, groups),
            seed=n,
        )
        for n in range(10)
    ]

    assert abs(np.mean([shift.auroc for shift in found]) - 0.5) < 0.1
    assert sum(bool(words_of({"test": shift} if shift else {}, "tiny/wide")) for shift in found) <= 1


def test_a_side_of_one_group_says_nothing(draw):
    one, other = draw.normal(size=(60, 4)), draw.normal(size=(60, 4)) + 3

    assert two_sample(one, other, groups=(np.arange(60), np.zeros(60, dtype=int)), seed=0) is None


def test_what_is_found_is_said_with_its_strength():
    (said,) = words_of({"test": Shift(auroc=0.931, interval=(0.9, 0.96), rows=500)}, "tiny/wide")

    assert "the test rows are unlike the training rows" in said and "features of tiny/wide" in said
    assert "AUROC of 0.93 (95 % interval 0.90 to 0.96; 0.5 if they were alike)" in said
    assert words_of({"test": Shift(auroc=0.6, interval=(0.5, 0.7), rows=500)}, "tiny/wide") == ()
    assert words_of({}, "tiny/wide") == ()


def test_encoded_rows_are_compared_and_few_are_not(trial, runtime):
    encoder = build_model(trial.parts, runtime).encoder
    rows = Rows.of(Row(f"far {n}", [9.0 + n % 3, n % 5, 9.0, 9.0], ("a",)) for n in range(40))

    encode(trial.parts, runtime, encoder, trial.train)
    assert (unencoded(trial.parts, runtime, trial.train), unencoded(trial.parts, runtime, rows)) == (0, 40)
    shift = shift_of(trial.parts, runtime, encoder, trial.train, rows)
    assert shift is not None and shift.auroc > 0.9
    assert shift_of(trial.parts, runtime, encoder, trial.train, rows[:39]) is None
    assert shift == shift_of(trial.parts, replace(runtime, features={}), encoder, trial.train, rows)


def test_of_many_rows_the_same_few_hundred_are_looked_at():
    rows = Rows.of(Row(str(n), n) for n in range(2000))

    assert len(sample_of(rows, 1)) == MOST and sample_of(rows, 1).id.tolist() == sample_of(rows, 1).id.tolist()
    assert len(sample_of(rows[:30], 1)) == 30

"""Splits of rows with several labels, and of rows with numbers: proportions, groups, no label left without training."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.rows import Row, Rows, Scan
from autosft.data.splits import split, subset, with_order


def parts(data):
    return [part for part in (data.train, data.valid, data.test) if part is not None]


def labels(rows):
    return Counter(rows.target(0))


def several(rows, seed=0):
    """Rows of any number of twelve labels, some of them rare, some rows with none."""
    draw = np.random.default_rng(seed)
    table = draw.random((rows, 12)) < np.geomspace(0.3, 3 / rows, 12)
    table[:3, 11] = True  # the rarest has rows
    return Scan(Rows.of(Row(f"r{n}", n, (tuple(map(str, np.flatnonzero(row))),)) for n, row in enumerate(table)))


def members(rows):
    return Counter(label for target in rows.target(0) for label in target or ("none",))


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_which_rows_have_several_stay_in_proportion(seed):
    data = split(several(400), MultiLabel(), seed=seed)

    assert data.test is not None
    whole = members(data.train + data.valid + data.test)
    held, pool = members(data.test), members(data.train + data.valid)
    assert all(abs(held[label] - count / 5) <= 1.5 for label, count in whole.items())
    fraction = len(data.valid) / (len(data.train) + len(data.valid))
    assert all(abs(members(data.valid)[label] - count * fraction) <= 3 for label, count in pool.items())
    assert members(data.train).keys() == whole.keys()
    assert abs(len(data.test) - 80) <= 8


@pytest.mark.parametrize("seed", range(5))
def test_no_label_leaves_training_where_rows_have_several(seed):
    rows = [("a", "b"), ("b", "c"), ("c", "a"), ("only", "a"), ("a",), ("b",), ("c",), (), ("pair", "b"), ("pair",)]
    scan = Scan(Rows.of(Row(f"r{n}", n, (target,)) for n, target in enumerate(rows)))

    data = split(scan, MultiLabel(), seed=seed)

    assert set(members(data.train)) >= {"a", "b", "c", "only", "pair"}
    assert all(len(part) for part in parts(data))


@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_whole_where_rows_have_several_labels(seed):
    rows = [Row(row.id, row.ref, row.targets, group=f"g{number // 4}") for number, row in enumerate(several(400).rows)]

    data = split(Scan(Rows.of(rows)), MultiLabel(), seed=seed)

    sets = [set(part.group) for part in parts(data)]
    assert sum(map(len, sets)) == len(set.union(*sets)) == 100
    assert members(data.train).keys() == members(Rows.of(rows)).keys()


def test_the_same_seed_gives_the_same_split_where_rows_have_several_labels():
    first, again, other = (split(several(200), MultiLabel(), seed=seed) for seed in (5, 5, 6))

    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_labels_of_two_rows_each_are_held_out_in_proportion():
    scan = Scan(Rows.of(Row(f"r{n}", n, ((str(n // 2),),)) for n in range(60)))

    data = split(scan, MultiLabel(), seed=0)

    assert data.test is not None and abs(len(data.test) - 12) <= 1 and len(members(data.train)) == 30


def test_a_subset_has_every_label_where_rows_have_several():
    rows = with_order(several(1000).rows, MultiLabel(), seed=3)
    smaller, larger = (subset(rows, count) for count in (60, 300))

    assert len(smaller) == 60 and set(smaller.id) < set(larger.id)
    assert members(smaller).keys() == members(rows).keys()
    common = [label for label, count in members(rows).items() if count > 100]
    assert all(abs(members(larger)[label] - 0.3 * members(rows)[label]) < 15 for label in common)


def test_numbers_keep_their_distribution():
    draw = np.random.default_rng(0)
    numbers = draw.exponential(size=300).tolist()
    scan = Scan(Rows.of(Row(f"r{n}", n, (number,)) for n, number in enumerate(numbers)))

    data = split(scan, Regression(), seed=0)

    assert data.test is not None
    for part in (data.valid, data.test):
        for quantile in (0.1, 0.5, 0.9):
            below = np.mean(np.array(part.target(0)) < np.quantile(numbers, quantile))
            assert abs(below - quantile) < 0.02 + 1 / len(part)


def test_several_numbers_keep_their_distributions():
    draw = np.random.default_rng(0)
    table = draw.normal(size=(300, 3))
    scan = Scan(Rows.of(Row(f"r{n}", n, (tuple(row),)) for n, row in enumerate(table.tolist())))

    data = split(scan, Regression(), seed=0)

    assert data.test is not None
    held = np.array(data.test.target(0))
    assert all(abs(np.mean(held[:, n] < np.median(table[:, n])) - 0.5) < 0.05 for n in range(3))


@pytest.mark.parametrize("rows", [2, 5, 12])
def test_a_handful_of_numbers_can_be_split(rows):
    scan = Scan(Rows.of(Row(f"r{n}", n, (float(n),)) for n in range(rows)))

    data = split(scan, Regression(), seed=0, hold_out_test=rows > 2)

    assert all(len(part) for part in parts(data))

"""Groups and times: what no split may part or turn around, whatever the rows; and weights."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.rows import Row, Rows, Scan
from autosft.data.splits import MOST_VALID, split, subset
from autosft.errors import BadInput

PROBLEM = Classification()


def scan(count, *, label=lambda n: "ab"[n % 2], **fields):
    """Rows whose fields are functions of their numbers."""
    given = ({name: field(n) for name, field in fields.items()} for n in range(count))
    return Scan(Rows.of(Row(f"r{n}", n, (label(n),), **more) for n, more in enumerate(given)))


def parts(data):
    return [part for part in (data.train, data.valid, data.test) if part is not None]


def divided(found, problem=PROBLEM, **settings):
    """The splits, or None if they are refused in words."""
    try:
        return split(found, problem, **{"seed": 0, **settings})
    except BadInput as refusal:
        assert "too few to split" in str(refusal)
        return None


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.integers(0, 9)), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(drawn=ROWS, seed=st.integers(0, 9), several=st.booleans())
def test_no_group_is_in_two_splits(drawn, seed, several):
    labels = [(label, "a") if several else label for label, _, _ in drawn]
    found = scan(len(drawn), label=labels.__getitem__, group=lambda n: f"g{drawn[n][1]}" if drawn[n][1] else "")

    if data := divided(found, MultiLabel() if several else PROBLEM, seed=seed):
        groups = [set(part.group) - {""} for part in parts(data)]
        assert sum(map(len, groups)) == len(set.union(*groups))
        assert sorted(row for part in parts(data) for row in part.id) == sorted(found.rows.id)


@settings(max_examples=150, deadline=None)
@given(drawn=ROWS, seed=st.integers(0, 9))
def test_training_is_before_validation_and_that_before_the_test(drawn, seed):
    found = scan(len(drawn), label=lambda n: drawn[n][0], time=lambda n: float(drawn[n][2]))

    if (data := divided(found, seed=seed)) and len({moment for *_, moment in drawn}) > 1:
        train, valid, test = (set(part.time) for part in parts(data))
        assert max(train) < min(valid) <= max(valid) < min(test)


@settings(max_examples=150, deadline=None)
@given(drawn=ROWS)
def test_of_groups_in_time_none_that_is_held_out_ends_before_one_that_is_learned_from(drawn):
    found = scan(len(drawn), group=lambda n: f"g{drawn[n][1]}", time=lambda n: float(drawn[n][2]))

    if (data := divided(found)) and len({moment for *_, moment in drawn}) > 1:
        last = {}
        for row in found.rows:
            last[row.group] = max(row.time, last.get(row.group, row.time))
        train, valid, test = ({last[group] for group in part.group} for part in parts(data))
        assert max(train) < min(valid) <= max(valid) < min(test)
        assert sum(len(set(part.group)) for part in parts(data)) == len(last)


def test_about_a_fifth_tests_and_rows_of_one_day_stay_together():
    data = split(scan(1000, time=lambda n: float((n * 7919) % 1000 // 10)), PROBLEM, seed=0)

    assert data.test is not None and len(data.test) == 200 and len(data.valid) == 160
    assert set(data.test.time) == set(map(float, range(80, 100)))


def test_splits_by_time_do_not_follow_the_seed():
    found = scan(100, time=float)

    assert split(found, PROBLEM, seed=0).fingerprint == split(found, PROBLEM, seed=1).fingerprint


def test_rows_of_two_times_cannot_be_split_in_three():
    with pytest.raises(BadInput, match="too few to split: all share one time"):
        split(scan(40, time=lambda n: float(n // 20)), PROBLEM, seed=0)
    assert len(split(scan(40, time=lambda n: float(n // 20)), PROBLEM, seed=0, hold_out_test=False).valid) == 20


def test_predefined_splits_stay_whatever_the_time():
    found = scan(90, time=lambda n: float(n), split=lambda n: "test" if n < 30 else "train")
    data = split(found, PROBLEM, seed=0)

    assert data.test is not None and data.test.id.tolist() == [f"r{n}" for n in range(30)]
    assert min(data.valid.time) > max(data.train.time)


@pytest.mark.parametrize("seed", range(8))
def test_a_group_larger_than_what_is_held_out_stays_in_training(seed):
    found = scan(400, group=lambda n: "large" if n < 240 else f"g{n // 8}", label=lambda n: "ab"[n // 4 % 2])
    data = split(found, PROBLEM, seed=seed)

    assert "large" in data.train.group
    assert data.test is not None and 64 <= len(data.test) <= 96 and len(data.valid) >= 32


def test_of_a_few_large_groups_no_more_than_enough_rows_validate():
    data = split(scan(9000, group=lambda n: f"site {n % 4}"), PROBLEM, seed=0)

    assert len(data.valid) == MOST_VALID and not data.valid_is_predefined
    assert len(set(data.train.group) | set(data.valid.group) | set(data.test.group)) == 4


def test_a_fraction_of_the_training_rows_is_on_the_side_of_their_groups():
    data = split(scan(3000, group=lambda n: f"g{n // 5}"), PROBLEM, seed=0)
    fraction = subset(data.train, 1000)

    assert len(fraction) == 1000 and not set(fraction.group) & (set(data.valid.group) | set(data.test.group))


def test_weights_of_training_rows_have_a_mean_of_1_and_keep_their_ratios():
    data = split(scan(60, weight=lambda n: 10.0 if n % 3 else 2.5), PROBLEM, seed=0)

    assert data.train.weight.mean() == pytest.approx(1) and max(data.train.weight) == 4 * min(data.train.weight)
    assert max(data.valid.weight) == max(data.train.weight)
    assert set(split(scan(60), PROBLEM, seed=0).train.weight) == {1.0}


def test_weights_of_any_size_are_scaled():
    data = split(scan(60, weight=lambda n: 1e308 if n % 2 else 1e300), PROBLEM, seed=0)

    assert np.isfinite(data.train.weight).all() and data.train.weight.mean() == pytest.approx(1)


def test_training_rows_of_weight_0_are_left_out():
    data = split(scan(60, weight=lambda n: float(n % 4 > 0)), PROBLEM, seed=0)

    assert (data.train.weight > 0).all() and Counter(data.valid.weight > 0)[False] > 0


def test_no_weight_at_all_is_refused():
    with pytest.raises(BadInput, match="None of the rows to validate on has a weight"):
        split(scan(60, weight=lambda n: float(n < 40), split=lambda n: "valid" if n >= 40 else ""), PROBLEM, seed=0)


@pytest.mark.parametrize("groups", [3, 4, 6])
@pytest.mark.parametrize("problem", [Classification(), MultiLabel(), Regression()], ids=lambda problem: problem.name)
def test_a_few_groups_that_have_rows_of_every_kind_can_be_split(problem, groups):
    for seed in range(20):
        draw = np.random.default_rng(seed)
        labels = {
            "classification": [str(number) for number in draw.integers(8, size=150)],
            "multilabel": [tuple(map(str, np.unique(pair))) for pair in draw.integers(4, size=(150, 2))],
            "regression": draw.normal(size=150).tolist(),
        }[problem.name]
        found = scan(150, label=labels.__getitem__, group=lambda n: f"g{n % groups}")

        data = split(found, problem, seed=seed)

        assert all(len(part) for part in parts(data))
        assert len(data.train) + len(data.valid) + len(data.test) == 150

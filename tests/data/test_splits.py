"""What a split keeps: what the data says, proportions, classes, groups, and the seed."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.rows import Data, Row, Rows, Scan
from autosft.data.splits import (
    FEW_VALID,
    MOST_TEST,
    MOST_VALID,
    portions,
    split,
    subset,
    transductive,
    with_folds,
    with_order,
)
from autosft.errors import BadInput

PROBLEM = Classification()


def scan(counts, *, given="", group=lambda number: ""):
    """Rows of some classes, all in one predefined split."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return Scan(
        Rows.of(
            Row(f"{given}{number}", number, (label,), split=given, group=group(number))
            for number, label in enumerate(labels)
        )
    )


def joined(*scans):
    rows = scans[0].rows
    for other in scans[1:]:
        rows = rows + other.rows
    return Scan(rows)


def parts(data):
    return [part for part in (data.train, data.valid, data.test) if part is not None]


def labels(rows):
    return Counter(rows.target(0))


def test_splits_that_the_data_gives_are_kept():
    train, valid, test = (scan({"a": 9, "b": 7}, given=name) for name in ("train", "valid", "test"))

    data = split(joined(test, train, valid), PROBLEM, seed=3)

    assert set(data.train.id) == set(train.rows.id)
    assert set(data.valid.id) == set(valid.rows.id)
    assert data.test is not None and set(data.test.id) == set(test.rows.id)
    assert data.valid_is_predefined


def test_a_predefined_test_split_is_kept_when_validation_rows_are_drawn():
    test = scan({"a": 9, "b": 7}, given="test")

    data = split(joined(scan({"a": 30, "b": 30}, given="train"), test), PROBLEM, seed=3)

    assert data.test is not None and set(data.test.id) == set(test.rows.id)
    assert len(data.valid) and not data.valid_is_predefined


def test_a_predefined_validation_split_is_kept_when_test_rows_are_drawn():
    valid = scan({"a": 9, "b": 7}, given="valid")

    data = split(joined(scan({"a": 30, "b": 30}), valid), PROBLEM, seed=3)

    assert set(data.valid.id) == set(valid.rows.id)
    assert data.test is not None and len(data.test) == 12
    assert data.valid_is_predefined


def test_every_row_is_in_exactly_one_split():
    data = split(scan({"a": 41, "b": 13, "c": 2}), PROBLEM, seed=0)

    ids = [row for part in parts(data) for row in part.id]
    assert len(ids) == len(set(ids)) == 56


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    rows = scan({"a": 40, "b": 20})

    first, again, other = (split(rows, PROBLEM, seed=seed) for seed in (5, 5, 6))

    assert first.fingerprint == again.fingerprint
    assert [list(part.id) for part in parts(first)] == [list(part.id) for part in parts(again)]
    assert first.fingerprint != other.fingerprint


def test_the_fingerprint_changes_with_a_label():
    assert (
        split(scan({"a": 40, "b": 20}), PROBLEM, seed=0).fingerprint
        != split(scan({"a": 39, "b": 21}), PROBLEM, seed=0).fingerprint
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "counts", [{"a": 50, "b": 50}, {"a": 203, "b": 31, "c": 7}, {str(n): 5 + 3 * n for n in range(20)}]
)
def test_classes_stay_in_proportion(counts, seed):
    data = split(scan(counts), PROBLEM, seed=seed)

    assert data.test is not None
    learned = labels(data.train + data.valid)
    for part, among in ((data.valid, learned), (data.test, counts)):
        found, whole = labels(part), sum(among.values())
        for label, count in among.items():
            assert abs(found[label] - count * len(part) / whole) <= 1.01, (label, found)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "counts",
    [{"a": 20, "b": 1}, {"a": 20, "b": 2, "c": 1}, {"a": 3, "b": 3}, {"a": 4, "b": 1}, {str(n): 3 for n in range(30)}],
    ids=str,
)
def test_tiny_classes_stay_in_training(counts, seed):
    data = split(scan(counts), PROBLEM, seed=seed)

    assert all(len(part) for part in parts(data))
    assert data.test is not None
    assert set(labels(data.train)) == set(counts) >= set(labels(data.valid)) | set(labels(data.test))


def test_two_rows_per_class_are_enough_when_there_are_many_classes():
    data = split(scan({str(number): 2 for number in range(30)}), PROBLEM, seed=0)

    assert data.test is not None and len(data.test) == 12
    assert len(labels(data.train)) == 30


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_whole(seed):
    data = split(scan({"a": 60, "b": 60}, group=lambda number: f"patient {number // 4}"), PROBLEM, seed=seed)

    sets = [set(part.group) for part in parts(data)]
    assert len(sets) == 3 and all(sets)
    assert sum(map(len, sets)) == len(set.union(*sets))


def test_rows_without_a_group_are_split_beside_groups():
    data = split(scan({"a": 60, "b": 60}, group=lambda n: f"pair {n // 2}" if n % 60 < 20 else ""), PROBLEM, seed=0)

    grouped = [set(part.group) - {""} for part in parts(data)]
    assert sum(map(len, grouped)) == len(set.union(*grouped)) == 20
    assert all("" in part.group for part in parts(data))


def test_a_group_stays_whole_even_if_it_alone_holds_a_class():
    rows = [Row(f"{label}{n}", n, (label,), group=f"{label}{n}") for label in "ab" for n in range(20)]
    rows += [Row(f"mixed{n}", n, (label,), group="mixed") for n, label in enumerate("ccab")]

    for seed in range(20):
        sets = [set(part.group) for part in parts(split(Scan(Rows.of(rows)), PROBLEM, seed=seed))]
        assert sum(map(len, sets)) == len(set.union(*sets)), seed


@pytest.mark.parametrize("groups", [3, 4])
def test_fewer_groups_than_folds_can_still_be_split(groups):
    data = split(scan({"a": 12, "b": 12}, group=lambda number: f"site {number % groups}"), PROBLEM, seed=0)

    assert all(len(part) for part in parts(data))


def test_two_groups_are_refused_in_words():
    with pytest.raises(BadInput, match="too few to split"):
        split(scan({"a": 12, "b": 12}, group=lambda number: f"site {number % 2}"), PROBLEM, seed=0)


def test_without_holding_out_there_is_no_test_split():
    data = split(scan({"a": 20, "b": 20}), PROBLEM, seed=0, hold_out_test=False)

    assert data.test is None
    assert len(data.train) + len(data.valid) == 40


def test_a_fifth_of_the_rows_is_held_out_for_the_test():
    data = split(scan({"a": 50, "b": 50}), PROBLEM, seed=0)

    assert data.test is not None and len(data.test) == 20


@pytest.mark.parametrize(
    ("rows", "valid"), [(60, 12), (300, 60), (1000, 200), (2000, 400), (2800, 400), (4000, 400), (5000, 500)]
)
def test_about_400_validation_rows_between_a_tenth_and_a_fifth(rows, valid):
    data = split(scan({"a": rows // 2, "b": rows // 2}), PROBLEM, seed=0, hold_out_test=False)

    assert abs(len(data.valid) - valid) <= 2


@pytest.mark.parametrize("given", ["test", "valid"])
def test_nothing_to_train_on_is_refused(given):
    with pytest.raises(BadInput, match="no rows to train on"):
        split(scan({"a": 20, "b": 20}, given=given), PROBLEM, seed=0, hold_out_test=False)


@pytest.mark.parametrize("counts", [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 1, "c": 1, "d": 1}], ids=str)
def test_too_few_rows_are_refused(counts):
    with pytest.raises(BadInput, match="too few to split"):
        split(scan(counts), PROBLEM, seed=0)


def test_test_rows_are_learned_from_without_their_targets_where_that_is_asked_for():
    data = split(scan({"a": 20, "b": 20}), PROBLEM, seed=0)
    more = transductive(data, seed=0)
    assert len(more.unlabeled) == len(data.test) and list(more.unlabeled.ref) == list(data.test.ref)
    assert set(more.unlabeled.targets) == {()} and not set(more.unlabeled.id) & set(data.test.id)
    with pytest.raises(BadInput, match="no test rows"):
        transductive(dataclasses.replace(data, test=None), seed=0)


def test_unlabelled_rows_are_passed_on():
    labelled, more = scan({"a": 20, "b": 20}), Rows.of([Row("u", "u")])

    assert list(split(Scan(labelled.rows, more), PROBLEM, seed=0).unlabeled.id) == ["u"]


def test_a_subset_is_in_proportion_nested_and_the_same_for_the_same_seed():
    plain = Rows.of([Row(f"r{n}", n, ("rare" if n % 50 == 0 else "ab"[n % 2],)) for n in range(1000)])
    rows, same, other = (with_order(plain, PROBLEM, seed=seed) for seed in (3, 3, 4))
    smaller, larger = (subset(rows, count) for count in (100, 400))

    assert len(smaller) == 100 and len(larger) == 400
    assert set(smaller.id) < set(larger.id) and list(larger.id) == sorted(larger.id, key=lambda row: int(row[1:]))
    counts = Counter(target[0] for target in larger.targets)
    assert abs(counts["rare"] - 8) <= 1 and abs(counts["b"] - 200) <= 2
    assert list(subset(same, 100).id) == list(smaller.id) != list(subset(other, 100).id)
    assert subset(rows, 0) is rows and subset(rows, 5000) is rows


def test_portions_make_up_a_subset_and_each_is_in_proportion():
    plain = Rows.of([Row(f"r{n}", n, ("rare" if n % 50 == 0 else "ab"[n % 2],)) for n in range(1000)])
    rows = with_order(plain, PROBLEM, seed=3)
    parts = list(portions(rows, 500, 200))

    assert [len(part) for part in parts] == [200, 200, 100]
    assert sorted(name for part in parts for name in part.id) == sorted(subset(rows, 500).id)
    counts = [Counter(target[0] for target in part.targets) for part in parts]
    assert all(count["b"] == pytest.approx(len(part) / 2, abs=3) for count, part in zip(counts, parts, strict=True))
    assert sum(len(part) for part in portions(rows, 0, 300)) == len(rows)


def test_every_class_has_a_row_in_the_smallest_subset():
    plain = Rows.of([Row(f"r{n}", n, ("rare" if n == 7 else "common",)) for n in range(500)])
    rows = with_order(plain, PROBLEM, seed=0)

    assert {target[0] for target in subset(rows, 10).targets} == {"rare", "common"}


def test_of_very_many_rows_only_some_thousands_are_held_out():
    scan = Scan(Rows.of([Row(f"r{n}", n, ("ab"[n % 2],)) for n in range(60_000)]))
    data = split(scan, Classification(), seed=0)

    assert data.test is not None
    assert abs(len(data.test) - MOST_TEST) <= 2 and abs(len(data.valid) - MOST_VALID) <= 20


def test_of_a_very_large_predefined_validation_split_some_rows_are_compared_by_and_the_others_left_out():
    data = split(joined(scan({"a": 60, "b": 60}), scan({"a": 1800, "b": 600}, given="valid")), PROBLEM, seed=0)

    assert len(data.valid) == MOST_VALID and data.valid_is_predefined
    assert Counter(labels(data.valid)) == {"a": 750, "b": 250}
    assert not set(data.train.id) & set(data.valid.id)


def test_with_few_validation_rows_every_row_validates_in_one_fold():
    data = split(scan({"a": 120, "b": 60}), PROBLEM, seed=0)
    folds = data.further_folds()

    held = [data.valid, *(held_out for _, held_out in folds)]
    assert sorted(row.id for part in held for row in part) == sorted(row.id for row in data.train + data.valid)
    for learned, held_out in folds:
        assert sorted(row.id for row in learned + held_out) == sorted(row.id for row in data.train + data.valid)
        assert Counter(held_out.target(0))["a"] == pytest.approx(2 * Counter(held_out.target(0))["b"], abs=2)


def test_groups_stay_whole_in_folds():
    data = split(scan({"a": 120, "b": 60}, group=lambda number: f"g{number // 4}"), PROBLEM, seed=0)

    for learned, held_out in data.further_folds():
        assert not set(learned.group.tolist()) & set(held_out.group.tolist())


def test_there_are_no_folds_where_enough_rows_validate_or_the_data_says_which():
    assert not split(scan({"a": 5 * FEW_VALID, "b": 5 * FEW_VALID}), PROBLEM, seed=0).further_folds()
    given = joined(scan({"a": 30, "b": 30}), scan({"a": 9, "b": 9}, given="valid"))
    assert not split(given, PROBLEM, seed=0).further_folds()


def test_there_are_no_folds_where_one_would_learn_from_far_fewer_rows_than_it_validates():
    data = split(scan({"a": 10, "b": 10}), PROBLEM, seed=0)
    few = Data(data.train + data.test, data.valid[:2], None, data.unlabeled, False, "")
    assert with_folds(few, PROBLEM, seed=0).further_folds()

    one_group = Rows.of(dataclasses.replace(row, group="site") for row in few.train)
    assert not with_folds(dataclasses.replace(few, train=one_group), PROBLEM, seed=0).further_folds()


@pytest.mark.parametrize("problem", [Classification(), MultiLabel(), Regression()], ids=lambda one: one.name)
def test_rows_that_have_a_target_are_held_out_in_proportion_and_come_early_in_every_split(problem):
    targets = {"classification": "ab", "multilabel": [("a",), ("a", "b")], "regression": [1.0, 2.0]}[problem.name]
    rare = [(targets[n % 2] if n % 5 else None, 1.0 if n % 5 == 0 or n % 10 == 1 else None) for n in range(200)]
    data = split(Scan(Rows.of(Row(str(n), n, pair) for n, pair in enumerate(rare))), problem, seed=0)
    assert [len(rows) for rows in parts(data)] == pytest.approx([128, 32, 40], abs=2)
    for position, fraction in ((0, 0.8), (1, 0.3)):
        for rows in parts(data):
            assert len(rows.with_target(position)) == pytest.approx(fraction * len(rows), abs=2)
            assert len(subset(rows, 12).with_target(position))
    for learned, held_out in data.further_folds():
        assert len(learned.with_target(1)) > len(held_out.with_target(1)) > 0

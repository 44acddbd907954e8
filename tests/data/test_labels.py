"""What is said of targets that may be wrong or too rare, and that nothing is said of sound ones."""

from __future__ import annotations

import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.rows import Data, Row, Rows
from autosft.data.labels import label_warnings

PROBLEM = Classification()


def rows(labels):
    return Rows.of(Row(f"{number}", number, (label,)) for number, label in enumerate(labels))


def said(train, valid=(), test=None, problem=PROBLEM, metric="accuracy"):
    data = Data(rows(train), rows(valid or train), None if test is None else rows(test), Rows.of(()), False, "")
    return label_warnings(data, problem, metric)


def test_of_sound_labels_nothing_is_said():
    assert said(["cat", "dog"] * 20 + ["cat-like"] * 6, test=["cat", "dog"]) == []
    assert said([("cat", "dog"), ("cat",)] * 20, problem=MultiLabel()) == []
    assert said([0.5 * number for number in range(60)], problem=Regression()) == []
    assert said([1, 4, 4, 9] * 20, problem=Regression()) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("Cat", "cat"), ("cat", "cat  "), ("big cat", "big\u00a0 cat"), ("café", "cafe\u0301"), ("ﬁn", "fin")],
)
def test_labels_that_differ_by_case_blanks_or_unicode_form_are_shown_as_they_are(one, other):
    (warning,) = said([one] * 20 + [other] * 20 + ["dog"] * 20)

    assert warning.startswith("labels that differ by case, blanks or Unicode form alone: ")
    assert repr(one) in warning and repr(other) in warning and "dog" not in warning


def test_a_variant_that_only_test_rows_have_is_found_too():
    unseen, variant = said(["cat", "dog"] * 20, test=["Cat", "dog"])

    assert "always wrong there: Cat" in unseen and "'Cat' and 'cat'" in variant


def test_imbalance_is_said_with_its_ratio_and_the_metrics_to_think_of():
    (warning,) = said(["common"] * 90 + ["rare"] * 9)

    assert warning == (
        "90 training rows are 'common' and 9 are 'rare', 10 to 1; "
        "if rare labels matter as much, say --metric balanced_accuracy or f1_macro"
    )
    assert said(["common"] * 89 + ["rare"] * 9) == []


def test_a_metric_in_which_labels_count_alike_is_not_proposed_again():
    assert said(["common"] * 90 + ["rare"] * 9, metric="f1_macro") == [
        "90 training rows are 'common' and 9 are 'rare', 10 to 1"
    ]


def test_each_label_of_several_counts():
    (warning,) = said([("a", "b")] * 5 + [("a",)] * 60, problem=MultiLabel(), metric="f1_micro")

    assert "65 training rows are 'a' and 5 are 'b', 13 to 1" in warning and "--metric f1_macro" in warning


def test_labels_that_are_names_of_rows_are_said_and_nothing_else():
    (warning,) = said([f"row {number}" for number in range(38)] + ["row 1", "row 2"])

    assert "38 different labels in 40 training rows" in warning and "--target" in warning
    assert not any("names of rows" in text for text in said([f"{number % 20}" for number in range(40)]))


def test_numbers_that_count_the_rows_are_said():
    (warning,) = said([float(2 * number + 100) for number in range(30)], problem=Regression())

    assert "as if rows were counted" in warning
    assert said([float(number % 29) for number in range(30)], problem=Regression()) == []
    assert said([float(number**2) for number in range(30)], problem=Regression()) == []


def test_a_target_that_is_the_same_in_all_validation_rows_is_said():
    for labels, valid, problem in ((["a", "b"] * 20, ["a"] * 9, PROBLEM), ([1.5, 2.5] * 20, [2.5] * 9, Regression())):
        (warning,) = said(labels, valid, problem=problem)
        assert warning == f"the target is {valid[0]!r} in all validation rows, so they can hardly tell trials apart"


@pytest.mark.parametrize("metric", ["recall_macro", "roc_auc_ovr", "balanced_accuracy"])
def test_no_other_metric_is_proposed_where_every_class_counts_already(metric):
    (warning,) = said(["common"] * 90 + ["rare"] * 9, metric=metric)
    assert "--metric" not in warning

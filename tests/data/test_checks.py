"""What stops a search before the clock runs, and what a user is told of the data."""

from __future__ import annotations

import csv

import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.rows import Data, Row, Rows, Scan, SkippedSample
from autosft.data.checks import check_scan, summarize, write_skipped
from autosft.errors import BadInput

PROBLEM = Classification()


def rows(labels, name=""):
    return Rows.of(Row(f"{name}{number}", number, (label,)) for number, label in enumerate(labels))


def skipped(count):
    return tuple(SkippedSample(f"photos/{number}.jpg", "not an image") for number in range(count))


def data(train, valid="ab", test=None):
    return Data(rows(train), rows(valid), rows(test) if test else None, Rows.of(()), False, "")


def test_validation_rows_that_are_left_out_are_said():
    given = Rows.of(Row(f"v{number}", number, ("ab"[number % 2],), split="valid") for number in range(6))
    found = Scan(rows("ab" * 4) + given)
    sound = Data(rows("ab" * 4), given[:4], None, Rows.of(()), True, "")

    (said,) = [text for text in summarize(found, sound, PROBLEM).warnings if "validation rows" in text]
    assert said == "trials are compared by 4 of the 6 validation rows, drawn in proportion"


def test_more_than_a_fifth_of_unusable_files_stops_with_the_fraction_and_the_first_names():
    with pytest.raises(BadInput) as caught:
        check_scan(Scan(rows("ab" * 7), skipped=skipped(6)))

    text = str(caught.value)
    assert "6 of 20 rows (30 %)" in text
    assert "photos/0.jpg: not an image" in text and "photos/2.jpg" in text and "photos/3.jpg" not in text
    assert "\n" not in text


def test_a_fifth_of_unusable_files_is_let_through():
    check_scan(Scan(rows("ab" * 8), skipped=skipped(4)))


def test_what_is_no_row_does_not_count_towards_the_limit():
    others = tuple(SkippedSample(f"test/{number}.jpg", "has no class", lost=False) for number in range(90))
    check_scan(Scan(rows("ab" * 8), skipped=(*others, *skipped(4))))
    with pytest.raises(BadInput, match=r"5 of 21 rows \(24 %\).*photos/0\.jpg"):
        check_scan(Scan(rows("ab" * 8), skipped=(*others, *skipped(5))))


def test_no_usable_row_is_refused_with_the_reason():
    with pytest.raises(BadInput, match=r"No labelled row.*photos/0\.jpg: not an image"):
        check_scan(Scan(Rows.of(()), skipped=skipped(1)))
    with pytest.raises(BadInput, match="No labelled row"):
        check_scan(Scan(Rows.of(())))


def test_skipped_csv_lists_each_skipped_sample(tmp_path):
    given = (
        SkippedSample("a.jpg", "empty file"),
        SkippedSample("b, c.jpg", 'says "no"'),
        SkippedSample("ü.jpg", "broken"),
    )

    write_skipped(tmp_path / "skipped.csv", given)

    with (tmp_path / "skipped.csv").open(newline="", encoding="utf-8") as stream:
        header, *listed = csv.reader(stream)
    assert header == ["file", "reason"]
    assert listed == [[skip.ref, skip.reason] for skip in given]


def test_the_summary_counts_rows_and_classes():
    summary = summarize(Scan(rows("a")), data("aaaaabbbbb", "abab", "ab"), PROBLEM)

    assert summary.facts == ("2 classes: a, b", "rows: 10 training, 4 validation, 2 test")
    assert summary.warnings == ()


def test_skipped_rows_are_warned_of():
    summary = summarize(Scan(rows("a"), skipped=skipped(2)), data("aaaaabbbbb"), PROBLEM)

    assert any("2 rows" in warning and "skipped.csv" in warning for warning in summary.warnings)


def test_classes_with_few_training_rows_are_named():
    (warning,) = summarize(Scan(rows("a")), data("a" * 5 + "b" * 4 + "c"), PROBLEM).warnings

    assert warning == "fewer than 5 training rows: b, c"


def test_a_long_list_of_few_row_classes_is_cut():
    (warning,) = summarize(Scan(rows("a")), data("aaaaabcdefgh"), PROBLEM).warnings

    assert warning == "fewer than 5 training rows: b, c, d, e, f and 2 more"


def test_labels_that_only_the_test_rows_have_are_named():
    (warning,) = summarize(Scan(rows("a")), data("aaaaabbbbb", "ab", "abzy"), PROBLEM).warnings

    assert warning == "only among the test rows, so always wrong there: y, z"


def test_labels_that_only_the_validation_rows_have_are_named():
    (warning,) = summarize(Scan(rows("a")), data("aaaaabbbbb", "abz"), PROBLEM).warnings

    assert warning == "only among the validation rows, so always wrong there: z"


def test_each_label_counts_where_rows_have_several():
    train = [("x", "y")] * 6 + [("x", "rare")] * 2 + [()]
    summary = summarize(Scan(rows("a")), data(train, [("x",)], [("y", "new"), ()]), MultiLabel())

    assert summary.facts[0] == "3 labels: rare, x, y; 1.78 per row, 1 rows without any"
    assert summary.warnings == (
        "fewer than 5 training rows: rare",
        "only among the test rows, so always wrong there: new",
    )


def test_numbers_are_no_labels_to_be_warned_of():
    summary = summarize(Scan(rows("a")), data([1.0, 2.0, 7.5], [3.0], [9.0]), Regression())

    assert summary.facts[0] == "numbers from 1 to 7.5" and summary.warnings == ()


def test_numbers_that_are_not_finite_are_refused_wherever_they_stand():
    with pytest.raises(BadInput, match="nan is not finite"):
        summarize(Scan(rows("a")), data([1.0, 2.0], [3.0, float("nan")]), Regression())


def test_a_single_class_is_refused():
    with pytest.raises(BadInput, match=r"Only one class \('a'\)"):
        summarize(Scan(rows("a")), data("aaaa", "aa"), PROBLEM)


def test_groups_times_and_weights_are_facts():
    def part(name, **fields):
        numbers = enumerate("ab" * 5)
        return Rows.of(
            Row(f"{name}{n}", n, (label,), **{key: of(n) for key, of in fields.items()}) for n, label in numbers
        )

    train = part("t", group=lambda n: f"g{n // 2}", weight=lambda n: 0.5 + n % 2, time=float)
    valid = part("v", group=lambda n: f"h{n // 5}", time=lambda n: n + 10.0)

    facts = summarize(Scan(train), Data(train, valid, None, Rows.of(()), False, ""), PROBLEM).facts
    assert facts[2:] == (
        "groups: 5 training, 2 validation",
        "split by time: the latest rows test, and the latest of the others validate",
        "weights from 0.5 to 1.5 in the loss, on average 1; scores count every row alike",
    )


def test_groups_in_more_than_one_of_the_predefined_splits_are_named():
    numbers = enumerate("ab" * 10)
    train = Rows.of(Row(f"t{n}", n, (label,), group=f"g{n}") for n, label in numbers)
    valid = Rows.of(Row(f"v{n}", n, ("ab"[n % 2],), group=f"g{n + 18}") for n in range(4))

    (warning,) = summarize(Scan(train), Data(train, valid, None, Rows.of(()), True, ""), PROBLEM).warnings
    assert warning == "groups in more than one of the predefined splits, so that scores are optimistic: g18, g19"


def test_rows_that_are_in_no_split_are_counted():
    found = Scan(Rows.of(Row(f"r{n}", n, ("ab"[n % 2],), weight=float(n < 25)) for n in range(30)))
    data = Data(found.rows[:20], found.rows[20:24], None, Rows.of(()), False, "")

    warnings = summarize(found, data, PROBLEM).warnings
    assert warnings == (
        "5 rows of weight 0 are not trained on",
        "1 rows of large groups are left out: 4 are enough to compare trials by",
    )


def test_every_problem_needs_targets_in_each_split_and_the_user_is_told_of_missing_ones():
    def made(*heights):
        def part(name, some):
            return Rows.of(Row(f"{name}{n}", n, ("ab"[n % 2], height)) for n, height in enumerate(some))

        train, valid, test = (part(f"{n}-", some) for n, some in enumerate(heights))
        return Data(train, valid, test, Rows.of(()), False, "")

    def summarized(data):
        return summarize(Scan(data.train), data, PROBLEM, names=("classification", "regression"))

    some = [1.0, None, 3.0] * 4
    told = "rows with regression: 8 training, 8 validation, 2 test"
    assert told in summarized(made(some, some, [2.0, 1.0])).facts
    assert not any("regression" in fact for fact in summarized(made([1.0] * 12, [1.0] * 12, [2.0])).facts)
    for heights, split in (([[None] * 12, some, some], "training"), ([some, [None] * 12, some], "validation")):
        with pytest.raises(BadInput, match=f"None of the {split} rows has the target 'regression'"):
            summarized(made(*heights))

"""Copies of rows: found by content wherever they lie, with an example; of test rows no target is looked at."""

from __future__ import annotations

import hashlib

from autosft.contracts.rows import Data, Row, Rows
from autosft.data.duplicates import duplicate_warnings, with_digests, without_copies

SOUND = {"train": "abcdef", "valid": "ghi", "test": "jkl"}


def digest_of(row):
    return hashlib.sha256(row.ref.encode()).hexdigest() if row.ref else ""


def rows(contents, name, target=str, digest=digest_of):
    some = (Row(f"{name}{number}", content, (target(content),)) for number, content in enumerate(contents))
    return with_digests(Rows.of(some), digest)


def said(*, target=str, digest=digest_of, **changed):
    parts = {name: rows(contents, name, target, digest) for name, contents in {**SOUND, **changed}.items()}
    return duplicate_warnings(Data(parts["train"], parts["valid"], parts["test"], Rows.of(()), False, ""))


def test_of_different_rows_nothing_is_said():
    assert said() == []


def test_content_that_cannot_be_told_is_no_copy():
    assert said(train=["", "", "a"], valid=["", "b"]) == [] == said(train="aab", digest=lambda row: "")


def test_copies_among_training_rows_are_counted_with_an_example():
    (warning,) = said(train="abcabca")

    assert warning == (
        "4 training rows are copies of other training rows, such as train0 and train3; "
        "they count more than once: remove them if that is not meant"
    )


def test_copies_across_splits_are_counted_on_the_side_that_is_scored():
    valid, test = said(train="abc", valid="xayab", test="pybq")

    assert valid.startswith("3 validation rows are copies of rows in other splits, such as valid1 and train0")
    assert test.startswith("2 test rows are copies of rows in other splits, such as test1 and valid2")
    assert "the test score is optimistic" in test


def test_one_copy_is_said_in_the_singular():
    (warning,) = said(test="axy")

    assert warning.startswith("1 test row is a copy of rows in other splits, such as test0 and train0;")


def test_copies_with_other_targets_are_named_with_both():
    numbers = iter(range(100))
    copies, across, conflict = said(train="aabc", valid="bx", target=lambda content: f"label {next(numbers)}")

    assert "1 training row is a copy" in copies and "1 validation row is a copy" in across
    assert conflict == (
        "4 training and validation rows have the content of one with another target, such as "
        "train0 ('label 0') and train1 ('label 1'); correct the targets"
    )


def test_the_targets_of_test_rows_are_not_looked_at():
    class Secret:
        __hash__ = None

        def __eq__(self, other):
            raise AssertionError("a target of a test row was looked at")

    test = rows("aa", "test", lambda _: Secret())

    (warning,) = duplicate_warnings(Data(rows("abc", "train"), rows("de", "valid"), test, Rows.of(()), False, ""))
    assert warning.startswith("2 test rows are copies")


def test_without_a_test_split_the_others_are_looked_at():
    data = Data(rows("aab", "train"), rows("c", "valid"), None, Rows.of(()), False, "")

    assert len(duplicate_warnings(data)) == 1


def test_copies_of_which_one_lacks_a_target_do_not_contradict_each_other():
    def warned(*targets):
        some = Rows.of(Row(f"row{n}", "same", pair) for n, pair in enumerate(targets))
        empty = Rows.of(())
        return duplicate_warnings(Data(with_digests(some, digest_of), empty, None, empty, False, ""))[1:]

    assert warned(("a", None), (None, 1.0), ("a", 1.0)) == []
    (warning,) = warned((None, 1.0), ("a", None), ("a", 2.0))
    assert "row0 (1.0) and row2 (2.0); correct the targets" in warning


def test_unlabelled_copies_of_labelled_rows_and_of_each_other_are_left_out_and_counted():
    more = rows("axxgyjky", "u", target=lambda content: None)
    data, facts = without_copies(Data(rows("abc", "train"), rows("ghi", "valid"), rows("jkl", "test"), more, False, ""))
    assert data.unlabeled.ref.tolist() == ["x", "y"]
    assert facts == (
        "unlabelled rows that are copies and left out: 1 of training rows, 1 of validation rows, 2 of test rows, "
        "2 of other unlabelled rows",
    )


def test_unlabelled_rows_that_cannot_be_told_apart_all_stay():
    data = Data(rows("a", "train"), rows("b", "valid"), None, rows(["", ""], "u"), False, "")
    assert without_copies(data) == (data, ())

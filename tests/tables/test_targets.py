"""The target of each row: as its form says, None where there is none, a reason where it cannot be used."""

from __future__ import annotations

import pytest

from autosft.errors import UnknownName
from autosft.tables.targets import Missing, TargetForm, targets_of

from .conftest import table_of


def read(form, problem="", separator="", decimal=".", splits=None, **columns):
    target = TargetForm(problem=problem, columns=tuple(columns), form=form, separator=separator, decimal=decimal)
    return targets_of(table_of(splits, **columns), target)


def test_a_label_is_a_text():
    assert read("label", label=[" good ", "", None, 3, 3.0, True, "3.0"]) == [
        "good",
        None,
        None,
        "3",
        "3",
        "True",
        "3.0",
    ]
    assert read("label", label=[("a", "b")]) == [Missing("a list or an object, where a label should be")]


def test_a_number_is_finite_or_missing_or_unusable():
    cells = ["1.5", " 2 ", "1e3", "1,234.5", 7, True, "", "NA", "?", None, "many", "inf", "1_000"]

    numbers = read("number", y=cells)

    assert numbers[:10] == [1.5, 2.0, 1000.0, 1234.5, 7.0, 1.0, None, None, None, None]
    assert numbers[10:] == [
        Missing("'many' is no number"),
        Missing("'inf' is no number"),
        Missing("'1_000' is no number"),
    ]
    assert all(isinstance(number, float) for number in numbers[:6])


def test_numbers_may_have_decimal_commas():
    assert read("number", y=["1,5", "1.234,5", "-2"], decimal=",") == [1.5, 1234.5, -2.0]


def test_several_numbers_are_missing_together():
    assert read("numbers", x=["1", "2", None, "x"], y=["3", None, None, "4"]) == [
        (1.0, 3.0),
        None,
        None,
        Missing("'x' is no number"),
    ]


def test_indicators_name_their_columns():
    rows = read("indicators", rude=["1", "0", None, "", "2", "no"], angry=["true", "False", None, "1", "0", "x"])

    assert rows == [
        ("angry", "rude"),
        (),
        None,
        ("angry",),
        Missing("'2' in column 'rude' is neither 0 nor 1"),
        ("angry",),
    ]


def test_joined_labels_are_sorted_tuples():
    assert read("joined", labels=["b|a", "a", "|", " "], separator="|") == [("a", "b"), ("a",), (), ()]
    assert read("joined", labels=[("b", "a", "b"), (), (3, 1.0), ((1,),)])[:3] == [("a", "b"), (), ("1", "3")]
    assert isinstance(read("joined", labels=[("a",), ((1,),)])[1], Missing)
    assert read("joined", labels=["['b', 'a']", "[]"], separator="[]") == [("a", "b"), ()]
    assert read("joined", first=["a", "b, c"], second=["b", None]) == [("a", "b"), ("b, c",)]


def test_an_empty_cell_is_no_label_unless_the_whole_split_has_none():
    splits = ["train", "train", "test", "test"]

    assert read("joined", labels=["a", None, None, None], splits=splits) == [("a",), (), None, None]


def test_a_table_without_the_column_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'label'"):
        targets_of(table_of(label=["a"]), TargetForm(problem="", columns=("labels",), form="label"))


def test_labels_that_are_numbers_are_the_same_however_they_are_written_and_words_for_none_are_none():
    cells = ["1", "1.0", 1, 1.0, "0", "0.00", "NA", "nan", "?", "007", "12345678901234567890"]
    form = TargetForm(problem="classification", columns=("y",), form="label", numeric=True)

    targets = targets_of(table_of(y=cells), form)

    assert targets[:9] == ["1", "1", "1", "1", "0", "0", None, None, None]
    assert targets[9:] == ["007", "12345678901234567890"]


def test_of_yes_and_no_words_for_a_missing_number_say_no_unless_they_are_all():
    cells = {"a": ["1", "NA", "", "?"], "b": ["y", "T", None, "0"]}
    assert read("indicators", **cells) == [("a", "b"), ("b",), None, ()]


def test_a_list_of_a_0_or_1_per_label_names_labels_by_their_places():
    assert read("hot", y=[(0.0, 1.0, 1.0), (0, 0, 0), (), None, (1, 0)]) == [
        *(("1", "2"), (), None, None),
        Missing("a list that is shorter than others, where each label should have a 0 or 1"),
    ]
    assert read("hot", separator="[]", y=["[0, 1]", "[1.0 0.0]", "(1, 1)"]) == [("1",), ("0",), ("0", "1")]


def test_sets_and_tuples_are_lists_too():
    cells = ["{'a', 'b'}", "set()", "('b',)", '["a"]', "{'a, b'}"]
    assert read("joined", separator="[]", y=cells) == [("a", "b"), (), ("b",), ("a",), ("a, b",)]

"""Which columns are taken for the target, what problem they make, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autosft.contracts.task import Hints
from autosft.errors import BadInput, UnknownName
from autosft.tables.targets import TargetForm, propose_target

from .conftest import some, table_of

TEXT = [f"the text of row {row}, which no other row has" for row in range(120)]
CLASSES = some(120, "pos", "neg", "neutral")
LETTERS = some(120, "x", "y", seed=1)
FEELINGS = [
    "|".join(sorted(set(some(1 + row % 3, "joy", "love", "fear", "anger", "grief", seed=row)))) for row in range(120)
]
REALS = [f"{row * 0.37 - 5:.2f}" for row in range(120)]


def proposed(table=None, *, targets=(), problem="", exclude=("text",), **columns):
    table = table or table_of(text=TEXT, **columns)
    return propose_target(table, Hints(targets=targets, problem=problem), exclude=exclude)


def refused(**arguments):
    with pytest.raises(BadInput) as caught:
        proposed(**arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["label", "Label", "labels", "target", "class", "className", "label_id", "y", "gold_label"]
)
def test_a_column_is_a_target_by_its_name(name):
    form = proposed(**{"source": LETTERS, name: CLASSES})

    assert (form.problem, form.columns, form.form) == ("classification", (name,), "label")
    assert form.words == f"a label in column {name!r} (by its name)"


@pytest.mark.parametrize(
    "name", ["sentiment", "airline_sentiment", "category", "intent", "emotion", "topic", "is_spam"]
)
def test_speaking_names_come_after_plain_ones(name):
    assert proposed(**{name: CLASSES, "words": REALS}).columns == (name,)
    assert proposed(**{name: CLASSES, "label": LETTERS}).columns == ("label",)


def test_without_a_name_the_one_column_of_few_values_is_the_target():
    form = proposed(id=[str(row) for row in range(120)], v1=CLASSES, note=[None] * 120)

    assert form.columns == ("v1",)
    assert "the one column of few different values" in form.words


def test_two_equally_good_columns_are_named_and_not_chosen_from():
    assert "2 columns could be the target: 'mood', 'source'. Say which with --target NAME." in refused(
        mood=CLASSES, source=LETTERS
    )
    assert "'label_a', 'label_b'" in refused(label_a=CLASSES, label_b=LETTERS)


def test_of_two_columns_that_say_the_same_the_one_in_words_is_taken():
    numbers = [{"pos": "1", "neg": "0", "neutral": "2"}[label] for label in CLASSES]

    form = proposed(label=numbers, label_text=CLASSES)

    assert form.columns == ("label_text",)
    assert "column 'label' says the same in numbers" in form.words
    assert proposed(label=numbers, label_text=CLASSES, targets=("label",)).columns == ("label",)


def test_a_table_without_a_target_names_its_columns():
    assert "No column looks like a target; name one with --target NAME. Columns: text, more." in refused(
        more=TEXT[::-1]
    )


def test_inputs_are_no_targets():
    assert proposed(table_of(text=CLASSES, label=LETTERS)).columns == ("label",)
    with pytest.raises(BadInput, match="named as a target and as an input"):
        propose_target(table_of(text=TEXT, label=CLASSES), Hints(targets=("text",), inputs=("text",)))


def test_an_unknown_column_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'label'"):
        proposed(targets=("lable",), label=CLASSES)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (TEXT, "120 different values in 120 rows"),
        ([None] * 120, "no value in any of 120 rows"),
        (["same"] * 120, "the same value in all 120 rows"),
        ([{"a": 1}] * 120, "objects or bytes"),
    ],
)
def test_a_target_from_which_nothing_can_be_learned_is_refused(cells, words):
    assert words in refused(label=cells)
    assert words in refused(label=cells, targets=("label",))


def test_of_a_part_of_a_table_one_value_is_not_held_against_it():
    assert proposed(table_of(complete=False, text=TEXT, label=["same"] * 120)).columns == ("label",)


@pytest.mark.parametrize(
    ("name", "cells", "problem"),
    [
        ("label", [str(row % 10) for row in range(120)], "classification"),
        ("label", [row % 60 for row in range(120)], "classification"),
        ("rating", [str(1 + row % 5) for row in range(120)], "classification"),
        ("y", [float(row % 3) for row in range(120)], "classification"),
        ("y", [row % 2 * 0.5 for row in range(120)], "classification"),
        ("y", ["yes" if row % 3 else "no" for row in range(120)], "classification"),
        ("count", [row % 10 for row in range(120)], "classification"),
        ("count", [row % 20 for row in range(120)], "regression"),
        ("count_class", [row % 20 for row in range(120)], "classification"),
        ("score", REALS, "regression"),
        ("score", [row % 101 for row in range(120)], "regression"),
        ("price", [f"{row},{row % 9}0" for row in range(120)], "regression"),
        ("price", [f"{1 + row},{100 + row}.50" for row in range(120)], "regression"),
        ("y", [*REALS[:110], *[None, "nan", "NA", "?", "-"] * 2], "regression"),
    ],
)
def test_numbers_are_classes_if_they_are_few_and_amounts_if_they_are_many(name, cells, problem):
    form = proposed(table_of(text=TEXT, **{name: cells}), exclude=("text",))

    assert form.problem == problem
    assert form.form == ("number" if problem == "regression" else "label")


def test_the_user_says_the_problem():
    stars = [str(1 + row % 5) for row in range(120)]

    assert proposed(stars=stars, problem="regression").form == "number"
    assert proposed(labels=FEELINGS, problem="classification").form == "label"
    assert proposed(label=CLASSES, problem="ordinal").problem == "ordinal"
    assert "has a number in 0 of 120 rows" in refused(label=CLASSES, targets=("label",), problem="regression")


def test_several_columns_are_one_target():
    yes = {name: some(120, "0", "1", seed=seed) for seed, name in enumerate(["toxic", "rude", "threat"])}

    indicators = proposed(id=TEXT[::-1], **yes)
    assert (indicators.problem, indicators.columns, indicators.form) == (
        "multilabel",
        ("toxic", "rude", "threat"),
        "indicators",
    )
    assert indicators.words == "yes or no in 3 columns 'toxic', 'rude', 'threat' (columns of yes and no)"

    numbers = proposed(x=REALS, z=REALS[::-1], targets=("x", "z"))
    assert (numbers.problem, numbers.form) == ("regression", "numbers")

    labels = proposed(label1=CLASSES, label2=LETTERS, targets=("label1", "label2"))
    assert (labels.problem, labels.form, labels.separator) == ("multilabel", "joined", "")

    assert "are no classification" in refused(a=CLASSES, b=LETTERS, targets=("a", "b"), problem="classification")


def test_labels_in_lists_and_joined_ones_are_several():
    lists = proposed(labels=[tuple(cell.split("|")) for cell in FEELINGS])
    joined = proposed(labels=FEELINGS)

    assert (lists.problem, lists.form, lists.separator) == ("multilabel", "joined", "")
    assert (joined.problem, joined.form, joined.separator) == ("multilabel", "joined", "|")
    assert joined.words == "labels joined by '|' in column 'labels' (by its name)"
    assert (
        proposed(tags=[f"{cell}|t{row}|u{row}" for row, cell in enumerate(FEELINGS)], problem="multilabel").separator
        == "|"
    )


def test_a_form_is_stored_in_a_task_and_read_again():
    form = proposed(labels=FEELINGS)

    plain = json.loads(json.dumps(form.plain()))

    assert TargetForm.parse(plain, "task").plain() == plain
    assert plain == {
        **{"problem": "multilabel", "columns": ["labels"], "form": "joined", "separator": "|"},
        **{"decimal": ".", "numeric": False},
    }


HOT = [tuple(map(float, row)) for row in np.random.default_rng(0).integers(2, size=(120, 3))]


@pytest.mark.parametrize("cells", [HOT, [str(list(row)) for row in HOT]], ids=["lists", "texts"])
def test_lists_of_a_0_or_1_per_label_are_no_sets_of_zeros_and_ones(cells):
    form = proposed(labels=cells)
    assert (form.problem, form.form) == ("multilabel", "hot") and form.words.startswith("lists of yes or no in")


def test_lists_of_numbers_of_labels_are_sets():
    sets = [tuple(sorted(set(some(1 + row % 3, 0, 1, 2, 3, seed=row)))) for row in range(120)]
    assert proposed(labels=sets).form == "joined"


@pytest.mark.parametrize(
    "cell", ['[{"id": 28, "name": "Action"}]', "[{'id': 28}]", '{"name": "Action"}', "{'a': 1, 'b': 2}"]
)
def test_objects_that_were_written_as_texts_are_refused(cell):
    cells = [cell.replace("28", str(row % 9)).replace("Action", f"genre {row % 9}") for row in range(120)]
    assert "holds objects" in refused(genres=cells, targets=["genres"])


def test_a_few_odd_cells_in_columns_of_yes_and_no_are_skipped_and_no_numbers():
    one, other = some(200, "0", "1"), some(200, "0", "1", seed=1)
    one[5], one[6], other[7] = "NA", "unsure", "-1"
    form = proposed(table_of(text=TEXT + TEXT[:80], a=one, b=other), targets=["a", "b"])
    assert (form.problem, form.form) == ("multilabel", "indicators")


def test_many_odd_cells_in_columns_of_yes_and_no_are_refused_with_what_to_do():
    columns = {name: some(120, "0", "1", "1", "0", "-1", seed=seed) for seed, name in enumerate("ab")}
    said = refused(**columns, targets=["a", "b"])
    assert "'a' says yes or no in" in said and "in others '-1'" in said and "--problem regression" in said
    assert proposed(**columns, targets=["a", "b"], problem="regression").form == "numbers"


@pytest.mark.parametrize(("yes", "no"), [("Y", "N"), ("t", "f"), ("True", "False")])
def test_letters_say_yes_and_no_too(yes, no):
    columns = {name: some(120, yes, no, seed=seed) for seed, name in enumerate("abc")}
    assert proposed(**columns, targets=["a", "b", "c"]).form == "indicators"


def test_numbers_of_which_most_are_0_or_1_are_numbers():
    inferred_tasks = {name: [*some(197, "0", "1", seed=seed), "2", "3", "7"] for seed, name in enumerate("ab")}
    hail = {name: [*["0"] * 197, "12.5", "3", "8.25"] for name in "ab"}
    for columns in (inferred_tasks, hail):
        assert proposed(table_of(text=TEXT + TEXT[:80], **columns), targets=["a", "b"]).form == "numbers"


@pytest.mark.parametrize("brackets", ["()", "{}"])
def test_labels_in_brackets_are_labels(brackets):
    form = proposed(label=[f"{brackets[0]}{one}{brackets[1]}" for one in some(120, "A", "B", "C")])
    assert (form.problem, form.form) == ("classification", "label")


def test_codes_that_look_like_numbers_stay_as_they_are_written():
    form = proposed(label=some(120, "250.0", "250.00", "3.1", "3.10"), problem="classification")
    assert not form.numeric


def test_columns_that_all_say_the_same_or_nothing_are_of_yes_and_no_too():
    columns = {"a": some(120, "0", "NA"), "b": some(120, "0", "1", "NA", seed=1)}
    assert proposed(**columns, targets=["a", "b"]).form == "indicators"

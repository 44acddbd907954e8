"""What is known of rows before anything is trained."""

import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.multilabel import MultiLabel
from autosft.builtin.regression import Regression
from autosft.contracts.facts import Facts
from autosft.contracts.rows import Data, Row, Rows
from autosft.data.facts import facts_of
from autosft.data.splits import with_folds
from autosft.testing.toy import ToyModality


class Words(ToyModality):
    def length(self, row):
        return len(row.ref)


def data(targets, problem):
    def rows(name, some):
        return Rows.of(Row(f"{name}{n}", "x" * (n % 5), (target,)) for n, target in enumerate(some))

    made = Data(rows("train", targets), rows("valid", targets[:10]), None, rows("u", [None] * 7), False, "")
    return with_folds(made, problem, seed=0)


@pytest.mark.parametrize(
    ("problem", "targets", "classes", "fewest"),
    [
        (Classification(), ["a", "b", "b", "c"] * 10, 3, 10),
        (MultiLabel(), [("a",), ("a", "b"), (), ("a",)] * 10, 2, 10),
        (Regression(), [1.0, 2.0, 3.5, 9.0] * 10, 0, 0),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_rows_and_labels_are_counted(problem, targets, classes, fewest):
    facts = facts_of(data(targets, problem), problem, Words())

    counts = {"train": 40, "valid": 10, "unlabeled": 7, "folds": 4, "classes": classes, "fewest": fewest, "length": 2.0}
    counts["targets"] = (40,)
    assert facts == Facts(**counts)

"""How an answer stands in a cell of a table."""

import pytest

from autosft.cli.model import _cell


@pytest.mark.parametrize(
    ("answer", "cell"),
    [
        ("cat", "cat"),
        (["cat", "dog"], "cat;dog"),
        ([], ""),
        (30.25, "30.25"),
        (1234567.5, "1234567.5"),
        ([1.5, -2.0], "1.5;-2"),
        ([[1, 2, 3.5, 4.5]], "[[1, 2, 3.5, 4.5]]"),
    ],
    ids=str,
)
def test_labels_and_numbers_are_joined_and_all_else_is_json(answer, cell):
    assert _cell(answer) == cell

"""Tables of every format and dialect are read for what they hold."""

from __future__ import annotations

import pytest

from autosft.errors import BadInput
from autosft.tables.reading import is_table, read_table

ROWS = "text,label\nfine film,good\ndull film,bad\n"


def write(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def test_cells_are_kept_as_written_with_the_line_of_each_row(tmp_path):
    table = read_table(write(tmp_path / "reviews.csv", 'text,label\n"a, b",good\n"two\nlines",bad\nlast,\n'))

    assert list(table.columns) == ["text", "label"]
    assert table.columns["text"].tolist() == ["a, b", "two\nlines", "last"]
    assert table.columns["label"].tolist() == ["good", "bad", None]
    assert table.places.tolist() == ["reviews.csv:2", "reviews.csv:3", "reviews.csv:5"]
    assert table.splits.tolist() == ["", "", ""]
    assert table.dialect == "CSV, separator ',', UTF-8"
    assert table.faults == ()


def test_a_folder_says_which_rows_train_and_test(tmp_path):
    write(tmp_path / "train.csv", ROWS)
    write(tmp_path / "test.csv", ROWS)

    table = read_table(tmp_path)

    assert is_table(tmp_path)
    assert table.splits.tolist() == ["train", "train", "test", "test"]


def test_binary_garbage_is_refused_in_one_line(tmp_path):
    with pytest.raises(BadInput, match=r"garbage\.csv: this is binary data"):
        read_table(write(tmp_path / "garbage.csv", bytes(range(256)) * 20))

"""A data frame becomes a table: the same for each library, named for its content, and nothing of it is lost."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from autosft.errors import BadInput
from autosft.tables.frames import is_frame, write_frame
from autosft.tables.reading import read_table

COLUMNS = {"text": ["one", None, "three"], "stars": [1, 2, 3]}


def test_frames_are_told_from_columns_and_paths():
    frame = pd.DataFrame(COLUMNS)

    assert is_frame(frame) and is_frame(pa.table(COLUMNS))
    assert not any(map(is_frame, (frame["text"], COLUMNS, "a.csv", Path("a.csv"), ["a"])))


def test_the_same_content_is_the_same_file_whatever_the_library(tmp_path):
    frame = pd.DataFrame(COLUMNS)
    sparse = frame.set_index(pd.Index([7, 8, 9], name="place"))
    classes = frame.astype({"text": "category"})

    paths = {write_frame(one, tmp_path) for one in (frame, sparse, classes, pa.table(COLUMNS))}

    (path,) = paths
    assert path != write_frame(frame[:2], tmp_path)
    read = read_table(path)
    assert {name: list(cells) for name, cells in read.columns.items()} == COLUMNS


def test_paths_of_the_working_directory_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").touch()
    frame = pd.DataFrame({"path": ["a.png", None, "a.png"], "word": ["a", "b", "c"]})

    read = read_table(write_frame(frame, tmp_path / "cache"))

    assert list(read.columns["path"]) == [str(tmp_path / "a.png"), None, str(tmp_path / "a.png")]
    assert list(read.columns["word"]) == ["a", "b", "c"]


def test_names_of_columns_may_be_numbers(tmp_path):
    assert list(read_table(write_frame(pd.DataFrame({"text": ["a"], 3: [1]}), tmp_path)).columns) == ["text", "3"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"text": []}), "The data frame is empty: 0 rows, 1 columns"),
        (pd.DataFrame({"mixed": [1, "x"]}), "column 'mixed' of the data frame: its cells are not of one type"),
        (pd.DataFrame({"path": [Path("x")]}), r"column 'path' of the data frame.*PosixPath"),
    ],
)
def test_a_frame_that_is_no_table_is_refused_by_name(frame, said, tmp_path):
    with pytest.raises(BadInput, match=said):
        write_frame(frame, tmp_path)

"""What is no table is refused in one line, and a row that cannot be used is named with its place."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile

import pytest

from autosft.errors import BadInput
from autosft.tables.reading import is_table, read_table


def refusal(path):
    with pytest.raises(BadInput) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def zipped():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (random.Random(0).randbytes(5000), "binary data"),
        (random.Random(1).randbytes(40), "binary data|no row can be read"),
        (bytes(5000), "binary data"),
        (gzip.compress(b"text,label\na,b\n", mtime=0), "compressed by gzip (unpack it)"),
        (zipped(), "an Excel workbook (save the sheet as CSV)"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "a PNG image"),
        (b"", "the file is empty"),
        (b"\n \n\t\n", "the file is empty"),
        (b"text,label\n", "no row can be read"),
        (b'"' * 1000, "no row can be read|the file is empty"),
    ],
)
def test_what_is_no_table_is_refused_and_said_to_be_what_it_is(write, content, words):
    path = write("given.csv", content)

    assert is_table(path)  # its name says so, and reading it says what is wrong
    assert any(word in refusal(path) for word in words.split("|"))


def test_paths_that_are_no_files_are_refused(tmp_path):
    assert "there is no such file" in refusal(tmp_path / "nowhere.csv")
    assert "no table in this folder" in refusal(tmp_path)
    assert not is_table(tmp_path / "nowhere.csv")
    assert not is_table(tmp_path)


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_hundred_thousand_columns_are_refused(write, quote):
    names = ",".join(f"{quote}c{number}{quote}" for number in range(100_000))
    path = write("wide.csv", f"{names}\n" + ",".join(["1"] * 100_000) + "\n")

    assert "100,000 columns; a table may have 10,000 at most" in refusal(path)


def test_ragged_rows_are_skipped_with_their_lines(write):
    rows = "".join(f'"line {number}, so\nto say",a\n' for number in range(10))

    table = read_table(write("t.csv", f"text,label\n{rows}one,two,three\nalone\nlast,a,,\n"))

    assert len(table) == 11
    assert [(skip.ref, skip.reason) for skip in table.skipped] == [
        ("t.csv:22", "3 cells instead of 2"),
        ("t.csv:23", "1 cell instead of 2"),
    ]


def test_a_nul_byte_is_skipped_of_its_row(write):
    table = read_table(write("t.csv", "text,label\n" + "some words,a\nother words,b\n" * 20 + "x\0y,a\n"))

    assert len(table) == 40
    assert [(skip.ref, skip.reason) for skip in table.skipped] == [("t.csv:42", "a NUL byte in the row")]


def test_a_megabyte_of_text_is_a_cell_like_any_other(write):
    text = 'word, "word" ' * 80_000
    escaped = text.replace('"', '""')

    table = read_table(write("t.csv", f'text,label\n"{escaped}",a\n"{escaped}",b\nshort,a\n'))

    assert table.columns["text"].tolist() == [text, text, "short"]


def test_quotes_that_swallow_lines_over_and_over_take_no_square_of_the_time(write):
    table = read_table(write("t.csv", "text,label\n" + '"open,a\n' * 100_000))

    assert len(table) + len(table.skipped) == 100_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"a": 1}, {"a"', "entry 2 (line 1) is not well-formed JSON"),
        ('{"a": 1}', "not an array of JSON objects"),
        ('[{"a": 1}]\n[{"a": 2}]\n', "follows the array"),
        ("[1, 2, 3]", "not an object|not an array"),
        ("[" * 100_000, "nested too deeply|not an array"),
        ('[{"a": ' + "9" * 5000 + "}]", "too many digits"),
    ],
)
def test_json_that_is_no_table_is_refused(write, content, words):
    assert any(word in refusal(write("t.json", content)) for word in words.split("|"))


def test_objects_without_common_keys_are_no_table(write):
    assert "10,000 keys" in refusal(write("t.jsonl", json.dumps({f"k{number}": 1 for number in range(10_001)}) + "\n"))


def test_parquet_cut_short_is_refused(write, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "whole.parquet")

    assert "not a well-formed Parquet file" in refusal(
        write("cut.parquet", (tmp_path / "whole.parquet").read_bytes()[:-20])
    )

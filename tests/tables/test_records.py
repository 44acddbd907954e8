"""JSON Lines, JSON arrays and Parquet keep their types; what is no row is a skipped sample."""

from __future__ import annotations

import json

import pytest

from autosft.tables.reading import is_table, read_table

ROWS = [
    {"text": "a fine film", "labels": ["joy", "love"], "score": 3, "seen": True},
    {"text": "", "labels": [], "score": 2.5, "seen": False},
    {"text": "dull", "labels": None, "more": {"a": [1]}},
]


def check(table):
    assert list(table.columns) == ["text", "labels", "score", "seen", "more"]
    assert table.columns["text"].tolist() == ["a fine film", None, "dull"]
    assert table.columns["labels"].tolist() == [("joy", "love"), (), None]
    assert table.columns["score"].tolist() == [3, 2.5, None]
    assert table.columns["seen"].tolist() == [True, False, None]
    assert table.columns["more"].tolist() == [None, None, {"a": [1]}]


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json"])
def test_json_lines_name_their_lines(write, name):
    table = read_table(write(name, "".join(json.dumps(row) + "\n\n" for row in ROWS)))

    check(table)
    assert table.places.tolist() == [f"{name}:1", f"{name}:3", f"{name}:5"]
    assert table.dialect == "JSON Lines, UTF-8"


def test_a_json_array_counts_its_entries(write):
    table = read_table(write("t.json", json.dumps(ROWS, indent=1)))

    check(table)
    assert table.places.tolist() == ["t.json:1", "t.json:2", "t.json:3"]


def test_lines_that_are_no_objects_are_skipped(write):
    table = read_table(write("t.jsonl", '{"a": 1}\n{"a": \n[1]\n"x"\n{"a": "\\ud800"}\n{"a": NaN}\n'))

    assert table.columns["a"].tolist() == [1, None]
    assert [skip.ref for skip in table.skipped] == ["t.jsonl:2", "t.jsonl:3", "t.jsonl:4", "t.jsonl:5"]
    assert [skip.reason.split(" (")[0] for skip in table.skipped] == [
        "not well-formed JSON",
        "an array, not an object",
        "a text, not an object",
        "half a character",
    ]


def test_json_is_recognized_by_its_first_lines(write):
    long = json.dumps({"text": "word " * 10_000})
    assert len(read_table(write("lines.json", f"{long}\n{long}\n"))) == 2
    assert len(read_table(write("pretty.json", json.dumps(ROWS, indent=2), "utf-16"))) == 3
    assert is_table(write("blank.json", "\n\n[\n\n{}]"))


def test_json_that_is_no_table_is_not_recognized(write):
    assert not is_table(write("config.json", '{"a": {"b": 1}}'))
    assert not is_table(write("config.json", json.dumps({"a": {"b": 1}, "c": 2}, indent=2)))
    assert not is_table(write("numbers.json", "[1, 2]"))


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.parquet"])
def test_a_limit_reads_the_first_rows(write, tmp_path, name):
    rows = [{"text": "word " * 100, "label": number % 2} for number in range(5000)]
    if name == "t.parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    else:
        write(name, json.dumps(rows) if name == "t.json" else "\n".join(map(json.dumps, rows)))

    table = read_table(tmp_path / name, limit=7)

    assert table.columns["label"].tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert not table.complete


def test_parquet_keeps_its_types(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    columns = {
        "text": pa.array(["a", "", None]).dictionary_encode(),
        "labels": pa.array([["joy"], [], None]),
        "score": pa.array([1.5, float("nan"), None]),
        "count": pa.array([1, 2, None]),
    }
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")

    table = read_table(tmp_path / "t.parquet")

    assert {name: cells.tolist() for name, cells in table.columns.items()} == {
        "text": ["a", None, None],
        "labels": [("joy",), (), None],
        "score": [1.5, None, None],
        "count": [1, 2, None],
    }
    assert table.places.tolist() == ["t.parquet:1", "t.parquet:2", "t.parquet:3"]
    assert table.dialect == "Parquet"

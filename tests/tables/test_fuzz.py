"""Whatever bytes are called a table: they are read, or refused in one line. No traceback, no hang."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autosft.contracts.task import Hints
from autosft.errors import AutoSFTError
from autosft.tables.reading import is_table, read_table
from autosft.tables.targets import propose_target, targets_of

FEW = settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=10_000)

SUFFIXES = st.sampled_from([".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet"])
# fmt: off
WORDS = [
    "label", "text", "a fine film, dull; or not", "|", "x", "0", "1", "3.5", "1,5", "1.000", "''", '"', "it's", "é",
    "日本", "[]", "['a', 'b']", "a|b", "a, b", "{}", "nan", "None", "train", "test", "\\", "\t", "\r\n", "\0", " ", "",
]
# fmt: on
CELLS = st.one_of(st.sampled_from(WORDS), st.text(max_size=20), st.integers().map(str), st.floats().map(str))
NAMES = st.one_of(st.sampled_from(["label", "labels", "text", "y", "score", "split", "id", ""]), st.text(max_size=8))
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "gb18030"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def texts(draw):
    """A table as some program would write it."""
    rows = draw(st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=12))
    if draw(st.booleans()):
        rows.insert(0, draw(st.lists(NAMES, min_size=1, max_size=5)))
    stream = io.StringIO()
    writer = csv.writer(
        stream,
        delimiter=draw(st.sampled_from(",;\t|")),
        quotechar=draw(st.sampled_from("\"'")),
        quoting=draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    writer.writerows(rows)
    return stream.getvalue().encode(draw(ENCODINGS), "replace")


@st.composite
def objects(draw):
    """Objects line by line, or in an array."""
    entries = draw(st.lists(st.one_of(st.dictionaries(NAMES, VALUES, max_size=4), VALUES), max_size=8))
    lines = [json.dumps(entry, ensure_ascii=draw(st.booleans())) for entry in entries]
    whole = "\n".join(lines) if draw(st.booleans()) else "[" + ",\n".join(lines) + "]"
    return whole.encode(draw(ENCODINGS), "replace")


@st.composite
def parquets(draw):
    """Columns of lists, texts and numbers in a file of Parquet."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = draw(st.integers(0, 6))
    kinds = [st.text(max_size=5), st.integers(-9, 9), st.floats(), st.lists(st.text(max_size=3), max_size=3)]
    columns = {}
    for name in draw(st.lists(st.text(max_size=6), max_size=4, unique=True)):
        cells = st.lists(st.one_of(st.none(), draw(st.sampled_from(kinds))), min_size=rows, max_size=rows)
        columns[name] = pa.array(draw(cells))
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()


@st.composite
def damaged(draw, contents):
    """A file in which pieces were cut out, overwritten, doubled or put in."""
    content = bytearray(draw(contents))
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
        piece = draw(st.one_of(st.binary(max_size=6), st.sampled_from([b'"', b"\0", b"\n", b",", b"\xff", b"'"])))
        content[start:end] = draw(st.sampled_from([b"", piece, bytes(content[start:end]) * 2 + piece]))
    return bytes(content)


FILES = st.one_of(
    st.tuples(SUFFIXES, st.one_of(st.binary(max_size=300), damaged(texts()), damaged(objects()))),
    st.tuples(st.sampled_from([".csv", ".tsv", ".txt"]), damaged(texts())),
    st.tuples(st.sampled_from([".json", ".jsonl"]), damaged(objects())),
    st.tuples(st.just(".parquet"), damaged(parquets())),
)
LIMITS = st.sampled_from([None, 3])
HINTS = st.builds(
    Hints,
    targets=st.lists(NAMES, max_size=2).map(tuple),
    problem=st.sampled_from(["", "classification", "multilabel", "regression"]),
)


def check(path, content, hints, limit):
    """Read a file as a modality would: the first rows, the target, every row's target."""
    path.write_bytes(content)
    is_table(path)
    try:
        table = read_table(path, limit=limit)
        assert len(table) > 0
        assert {len(column) for column in table.columns.values()} <= {len(table)}
        assert len(table.places) == len(table.splits) == len(table)
        repr([*table.columns, *table.places, table.dialect, *table.skipped]).encode()
        form = propose_target(table, hints, exclude=list(table.columns)[:1] if limit else ())
        assert form.plain() == type(form).parse(form.plain(), "task").plain()
        assert len(targets_of(table, form)) == len(table)
        json.dumps([form.plain(), form.words], ensure_ascii=False).encode()
    except AutoSFTError as refusal:
        assert "\n" not in str(refusal)
        str(refusal).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@FEW
@given(FILES, HINTS, LIMITS)
def test_any_bytes_are_read_or_refused_in_one_line(folder, file, hints, limit):
    check(folder / f"any{file[0]}", file[1], hints, limit)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(FILES, HINTS, LIMITS)
def test_ten_thousand_damaged_tables_are_read_or_refused_in_one_line(folder, file, hints, limit):
    check(folder / f"any{file[0]}", file[1], hints, limit)

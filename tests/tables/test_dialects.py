"""Text tables are read in whatever dialect they were written, and the user is told in which."""

from __future__ import annotations

import csv
import io
import itertools

import pytest

from autosft.tables.numbers import find_decimal, to_number
from autosft.tables.reading import is_table, read_table

from .conftest import LABELS, PROSE

ROWS = list(zip(PROSE, LABELS, strict=True))


def written(rows, **dialect):
    stream = io.StringIO()
    csv.writer(stream, **{"lineterminator": "\n", **dialect}).writerows(rows)
    return stream.getvalue()


def cells(table):
    return list(zip(*table.columns.values(), strict=True))


DIALECTS = list(itertools.product(",;\t|", "\"'", (csv.QUOTE_MINIMAL, csv.QUOTE_ALL), ("\n", "\r\n", "\r")))


@pytest.mark.parametrize(("separator", "quote", "quoting", "end"), DIALECTS)
@pytest.mark.parametrize("header", [True, False])
def test_separators_quotes_line_ends_and_headers_are_recognized(write, separator, quote, quoting, end, header):
    rows = [("text", "label"), *ROWS] if header else ROWS

    table = read_table(
        write("reviews.csv", written(rows, delimiter=separator, quotechar=quote, quoting=quoting, lineterminator=end))
    )

    assert cells(table) == ROWS
    assert list(table.columns) == (["text", "label"] if header else ["column_1", "column_2"])
    assert ("no header" in table.dialect) is not header
    assert ("separator tab" if separator == "\t" else f"separator {separator!r}") in table.dialect


def test_cells_are_kept_as_written_with_the_line_of_each_row(write):
    table = read_table(write("reviews.csv", 'text,label\n"a, b",good\n"two\nlines",bad\n last ,\n'))

    assert cells(table) == [("a, b", "good"), ("two\nlines", "bad"), (" last ", None)]
    assert table.places.tolist() == ["reviews.csv:2", "reviews.csv:3", "reviews.csv:5"]
    assert table.splits.tolist() == ["", "", ""]
    assert table.dialect == "CSV, separator ',', UTF-8"
    assert table.skipped == ()
    assert table.complete


@pytest.mark.parametrize("blanks", ["\n", "   \n", "\t\n", " \r\n\n", "  \nsep=,\n"])
def test_lines_of_blanks_before_the_header_are_no_rows_and_count_as_lines(write, blanks):
    table = read_table(write("reviews.csv", blanks + "text,label\na b,good\nc d,bad\n"))

    assert cells(table) == [("a b", "good"), ("c d", "bad")] and list(table.columns) == ["text", "label"]
    first = 2 + blanks.count("\n")
    assert table.places.tolist() == [f"reviews.csv:{first}", f"reviews.csv:{first + 1}"] and table.skipped == ()


def test_quotes_that_mean_nothing_swallow_no_rows(write):
    lines = [
        ("ham", '"Hello there'),
        ("spam", "win now"),
        ("ham", 'he said "no'),
        ("spam", 'call "us"'),
        ("ham", '"ok"'),
    ]

    table = read_table(write("sms.tsv", "".join("\t".join(line) + "\n" for line in lines)))

    assert cells(table) == lines
    assert (
        table.dialect
        == "TSV, separator tab, quotes mean nothing, UTF-8, no header (columns are named column_1, column_2, …)"
    )


def test_two_stray_quotes_do_not_make_one_row_of_those_between(write):
    lines = ["label\ttext", 'ham\t"first', "spam\tsecond", 'ham\tthird"', *["spam\tmore of it"] * 20]

    assert len(read_table(write("sms.tsv", "\n".join(lines) + "\n"))) == 23


def test_an_unclosed_quote_costs_its_own_line_alone(write):
    rows = [("text", "label"), *ROWS * 5]
    lines = written(rows, quoting=csv.QUOTE_ALL).splitlines(keepends=True)
    lines.insert(10, '"never closed,bad\n')

    table = read_table(write("reviews.csv", "".join(lines)))

    assert cells(table) == ROWS * 5
    assert [skip.ref for skip in table.skipped] == ["reviews.csv:11"]


def test_backslashes_may_stand_before_quotes(write):
    lines = "".join(f'"{text} \\"so, he said\\"",{label}\n' for text, label in ROWS)

    table = read_table(write("reviews.csv", f"text,label\n{lines}"))

    assert cells(table)[0] == (f'{PROSE[0]} "so, he said"', "good")
    assert "backslash before quotes" in table.dialect


def test_blanks_after_separators_are_no_part_of_quoted_cells(write):
    lines = "".join(f'{label}, "{text}"\n' for text, label in ROWS)

    assert cells(read_table(write("reviews.csv", f"label, text\n{lines}"))) == [(label, text) for text, label in ROWS]


def test_decimal_commas_are_no_separators(write):
    table = read_table(write("sizes.csv", "name;height;width\n" + "".join(f"n{i};{i},5;1,25\n" for i in range(9))))

    assert cells(table)[3] == ("n3", "3,5", "1,25")


def test_prose_with_commas_is_one_column(write):
    table = read_table(write("texts.csv", "text\n" + "\n".join(PROSE) + "\n"))

    assert list(table.columns) == ["text"]
    assert table.columns["text"].tolist() == list(PROSE)


def test_names_of_rows_get_a_column_and_empty_ends_get_none(write):
    rows = "".join(f'{number},"{text}",{label}\n' for number, (text, label) in enumerate(ROWS))
    ends = "".join(f'"{text}",{label},\n' for text, label in ROWS)

    assert list(read_table(write("r.csv", f"text,label\n{rows}")).columns) == ["column_1", "text", "label"]
    assert list(read_table(write("ends.csv", f"text,label\n{ends}")).columns) == ["text", "label"]


@pytest.mark.parametrize("first", ["label,0,1,2,3,4", "name,2019,2020,2021,2022,2023"])
def test_running_numbers_may_name_columns(write, first):
    rows = "".join(f"{'ab'[row % 2]},{row},{row * 2}.5,3,{row % 3},7\n" for row in range(12))

    assert list(read_table(write("wide.csv", f"{first}\n{rows}")).columns) == first.split(",")


def test_a_header_may_name_a_column_twice_or_not_at_all(write):
    table = read_table(write("odd.csv", 'label,,label,"two\nlines"\na,1,2,3\nb,4,5,6\n'))

    assert list(table.columns) == ["label", "column_2", "label_3", "two lines"]


def test_texts_are_tables_only_with_columns(write):
    assert is_table(write("table.txt", "".join(f"{text}\t{label}\n" for text, label in ROWS)))
    assert not is_table(write("prose.txt", "\n".join(PROSE)))


def test_a_limit_reads_the_first_rows_and_says_so(write):
    table = read_table(write("reviews.csv", written([("text", "label"), *ROWS])), limit=2)

    assert cells(table) == ROWS[:2]
    assert not table.complete


def test_a_split_column_is_no_column(write):
    rows = [
        ("text", "label", "split"),
        *(
            (text, label, split)
            for (text, label), split in zip(ROWS, ["train", "train", "dev", "TEST", "train", ""], strict=True)
        ),
    ]

    table = read_table(write("reviews.csv", written(rows)))

    assert list(table.columns) == ["text", "label"]
    assert table.splits.tolist() == ["train", "train", "valid", "test", "train", ""]
    assert "split by column 'split'" in table.dialect


def test_numbers_of_folds_are_no_splits(write):
    table = read_table(write("clips.csv", "path,fold\n" + "".join(f"{i}.wav,{i % 5}\n" for i in range(10))))

    assert list(table.columns) == ["path", "fold"]


@pytest.mark.parametrize("separator", ";,|")
@pytest.mark.parametrize("width", [2, 3])
def test_excel_s_line_that_names_the_separator_is_no_row(write, separator, width):
    header, body = ("text", "label", "more")[:width], [(*row, "x")[:width] for row in ROWS]

    table = read_table(write("reviews.csv", f"sep={separator}\r\n" + written([header, *body], delimiter=separator)))

    assert tuple(table.columns) == header and cells(table) == body and table.places[0] == "reviews.csv:3"


@pytest.mark.parametrize(
    ("cells", "decimal", "numbers"),
    [
        (["0,125", "12,500", "3,250"], ",", [0.125, 12.5, 3.25]),
        (["850", "12.500", "1.200.000"], ",", [850, 12500, 1200000]),
        (["12,500", "1,200,000"], ".", [12500, 1200000]),
        (["0.125", "12.500"], ".", [0.125, 12.5]),
        (["1.200.000", "3.5"], ".", [None, 3.5]),
    ],
)
def test_decimal_signs_and_thousands_are_told_apart_by_the_column(cells, decimal, numbers):
    assert find_decimal(cells) == decimal
    assert [to_number(cell, decimal) for cell in cells] == numbers

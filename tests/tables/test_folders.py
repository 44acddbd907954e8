"""In a folder, the names of the files say which rows train, validate and test."""

from __future__ import annotations

import pytest

from autosft.errors import BadInput
from autosft.tables.reading import is_table, read_table

ROWS = "text,label\na fine film,good\na dull film,bad\nso so,good\n"


def test_files_are_splits_by_name(write, tmp_path):
    for name in ("train.csv", "validation.csv", "test.csv"):
        write(name, ROWS)
    write("README.md", "about it")
    write("sample_submission.csv", "id,label\n1,good\n")

    table = read_table(tmp_path)

    assert is_table(tmp_path)
    assert table.splits.tolist() == ["train"] * 3 + ["valid"] * 3 + ["test"] * 3
    assert table.places[3] == "validation.csv:2"
    assert table.unused == ("sample_submission.csv",)
    assert table.dialect == "CSV, separator ',', UTF-8"


@pytest.mark.parametrize("name", ["val", "valid", "Dev", "my-validation-set", "validation-00000-of-00001"])
def test_validation_has_many_names(write, tmp_path, name):
    write("train.csv", ROWS)
    write(f"{name}.csv", ROWS)

    assert read_table(tmp_path).splits.tolist() == ["train"] * 3 + ["valid"] * 3


def test_parts_of_a_split_are_put_together(write, tmp_path):
    for part in range(3):
        write(f"train-0000{part}-of-00003.csv", ROWS)

    assert len(read_table(tmp_path)) == 9


def test_a_single_table_says_nothing_of_splits(write, tmp_path):
    write("reviews.csv", ROWS)

    assert read_table(tmp_path).splits.tolist() == ["", "", ""]


def test_a_table_beside_one_for_testing_is_for_training(write, tmp_path):
    write("reviews.csv", ROWS)
    write("reviews_test.csv", ROWS)

    assert read_table(tmp_path).splits.tolist() == ["train"] * 3 + ["test"] * 3


def test_a_column_that_a_file_lacks_is_missing_there_and_named(write, tmp_path):
    write("train.csv", "id,text,label\n1,a fine film,good\n2,a dull film,bad\n")
    write("test.csv", "id,text,source\n3,so so,web\n4,quite good,web\n")
    write("test_labels.csv", "id,label\n3,good\n4,good\n")

    table = read_table(tmp_path)

    assert list(table.columns) == ["id", "text", "label"]
    assert table.columns["label"].tolist() == ["good", "bad", None, None]
    assert "test.csv has no column 'label'" in table.dialect
    assert table.unused == ("test_labels.csv", "column 'source' of test.csv")


def test_a_file_without_the_header_of_the_others_has_their_columns(write, tmp_path):
    write("train.csv", ROWS)
    write("test.csv", ROWS.partition("\n")[2])

    table = read_table(tmp_path)

    assert list(table.columns) == ["text", "label"]
    assert len(table) == 6


def test_files_of_other_columns_are_refused_with_their_names(write, tmp_path):
    write("train.csv", ROWS)
    write("test.csv", "id,price\n1,2\n3,4\n")

    with pytest.raises(
        BadInput, match=r"test\.csv: its columns \(id, price\) are not those of train\.csv \(text, label\)"
    ):
        read_table(tmp_path)


def test_which_table_is_meant_must_be_clear(write, tmp_path):
    write("a.csv", ROWS)
    write("b.csv", ROWS)

    with pytest.raises(BadInput, match=r"several tables \(a\.csv, b\.csv\); name one"):
        read_table(tmp_path)


def test_training_tables_are_of_one_format(write, tmp_path):
    write("train.csv", ROWS)
    write("train.tsv", ROWS.replace(",", "\t"))

    with pytest.raises(BadInput, match=r"several formats \(\.csv, \.tsv\)"):
        read_table(tmp_path)


def test_samples_in_texts_and_json_are_no_tables(write, tmp_path):
    for number in range(3):
        write(f"{number}.txt", "a\tb\nc\td\ne\tf\n")
        write(f"{number}.json", '[{"a": 1}]')

    assert not is_table(tmp_path)


def test_a_skipped_file_keeps_its_place(write, tmp_path):
    write("train.csv", ROWS)
    write("test.csv", ROWS + "one,two,three\n")

    assert [skip.ref for skip in read_table(tmp_path).skipped] == ["test.csv:5"]


def test_a_table_in_the_folder_of_each_split_is_one_table(write, tmp_path):
    for split in ("train", "Test"):
        (tmp_path / split).mkdir()
        write(f"{split}/labels.csv", ROWS + "one,two,three\n")
        for hidden in ("._labels.csv", "~$labels.csv"):
            (tmp_path / split / hidden).write_bytes(b"\0\5\26\7")
    (tmp_path / "valid").mkdir()

    table = read_table(tmp_path)

    assert table.splits.tolist() == ["train"] * 3 + ["test"] * 3
    assert table.places[[0, 3]].tolist() == ["train/labels.csv:2", "Test/labels.csv:2"]
    assert [skip.ref for skip in table.skipped] == ["train/labels.csv:5", "Test/labels.csv:5"]


def test_folders_of_splits_with_several_tables_are_no_table(write, tmp_path):
    (tmp_path / "train").mkdir()
    write("train/a.csv", ROWS)
    write("train/b.csv", ROWS)

    assert not is_table(tmp_path)


@pytest.mark.parametrize(
    ("words", "splits"),
    [
        (("train", "test", "extra"), ["train", "test", "train"]),
        (("train", "eval", "Holdout"), ["train", "valid", "test"]),
        (("train", "extra", "extra"), ["", "", ""]),
        (("train", "testB", "dev_2"), ["train", "test", "valid"]),
    ],
)
def test_rows_of_a_word_that_is_no_split_are_learned_from_beside_those_that_are(write, words, splits):
    path = write("t.csv", "text,label,split\n" + "".join(f"text {n},a,{word}\n" for n, word in enumerate(words)))

    table = read_table(path)

    assert table.splits.tolist() == splits and ("split" in table.columns) is (not any(splits))
    assert ("'extra' to learn from" in table.dialect) is (splits[2] == "train")

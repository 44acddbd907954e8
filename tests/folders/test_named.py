"""A table names files of any kind: where they lie, how their paths are written, and what becomes of those that lack."""

import json

import pyarrow
import pyarrow.parquet
import pytest

from autosft.contracts.task import Hints, Task, TaskTarget
from autosft.errors import BadInput, UnknownName
from autosft.folders.entrances import collect_files, recognize_files, scan_files

NAMES = [f"{number:02}" for number in range(12)]
LABELS = ["ham" if number % 2 else "spam" for number in range(12)]


def lines(paths, labels=LABELS, separator=","):
    header = separator.join(("path", "label"))
    return "\n".join([header, *(f"{path}{separator}{label}" for path, label in zip(paths, labels, strict=True))])


@pytest.fixture
def inferred(letters):
    return lambda path, **hints: recognize_files(path, letters, "mail", Hints(**hints))


@pytest.fixture
def scan(letters, inferred):
    return lambda path, **hints: scan_files(inferred(path, **hints).task, letters)


def paths_of(rows):
    return [row.ref["path"] for row in rows]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_tables_of_every_format_name_files(kind, write, scan):
    home = write(*(f"{name}.let" for name in NAMES))
    table, paths = home / f"table.{kind}", [f"{name}.let" for name in NAMES]
    if kind == "jsonl":
        entries = [{"path": path, "label": label} for path, label in zip(paths, LABELS, strict=True)]
        table.write_text("\n".join(map(json.dumps, entries)))
    elif kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"path": paths, "label": LABELS}), table)
    else:
        table.write_text(lines(paths, separator="," if kind == "csv" else "\t"))
    found = scan(table)
    assert len(found.rows) == 12 and not found.skipped and found.rows.target(0) == LABELS
    assert paths_of(found.rows)[0] == str(home / "00.let")


@pytest.mark.parametrize(
    "stored,written",
    [
        ("{}.let", "{}.let"),
        ("images/{}.let", "images/{}.let"),
        ("images/{}.let", "{}.let"),
        ("data/images/{}.let", "{}.let"),
        ("images/{}.let", "{}"),
        ("images/sub/{}.let", "images\\sub\\{}.let"),
        ("images/sub/{}.let", "sub\\{}"),
        ("images/{}.let", "./images/{}.let"),
        ("images/{}.let", "/home/alice/data/images/{}.let"),
        ("images/{}.let", "C:\\data\\images\\{}.let"),
        ("images/{}.let", "  images/{}.let "),
    ],
)
def test_paths_are_found_however_they_are_written(stored, written, write, scan):
    home = write(*(stored.format(name) for name in NAMES))
    (home / "table.csv").write_text(lines([written.format(name) for name in NAMES]))
    found = scan(home / "table.csv")
    assert paths_of(found.rows) == [str(home / stored.format(name)) for name in NAMES] and not found.skipped


def test_absolute_paths_are_taken_as_they_are(write, scan, tmp_path):
    home = write(*(f"far/away/{name}.let" for name in NAMES))
    (tmp_path / "near").mkdir()
    table = tmp_path / "near" / "table.csv"
    table.write_text(lines([home / "far" / "away" / f"{name}.let" for name in NAMES]))
    assert len(scan(table).rows) == 12


def test_numbers_without_an_ending_name_files(write, scan):
    home = write(*(f"images/{number}.let" for number in range(1, 13)))
    entries = [{"id": number + 1, "label": LABELS[number]} for number in range(12)]
    (home / "table.jsonl").write_text("\n".join(map(json.dumps, entries)))
    assert len(scan(home / "table.jsonl").rows) == 12


def test_a_column_of_plain_words_names_no_files(write, inferred):
    home = write("a.let")
    (home / "table.csv").write_text(lines([f"word {name}" for name in NAMES]))
    assert inferred(home / "table.csv", targets=("label",)) is None


def test_splits_with_the_same_names_are_told_apart(write, scan):
    for split in ("train", "test"):
        home = write(*(f"{split}/{name}.let" for name in NAMES))
        (home / f"{split}.csv").write_text(lines([f"{name}.let" for name in NAMES]))
    rows = scan(home).rows
    assert len(rows) == 24
    assert all(f"/{row.split}/" in row.ref["path"] and row.id.startswith(f"{row.split}.csv:") for row in rows)


def test_a_table_in_the_folder_of_each_split_is_found(write, scan, inferred):
    for split in ("train", "test"):
        home = write(*(f"{split}/images/{name}.let" for name in NAMES))
        (home / split / "labels.csv").write_text(lines([f"{name}.let" for name in NAMES]))
    rows = scan(home).rows
    assert len(set(rows.id)) == 24 and rows[0].id == "train/labels.csv:2"
    assert all(f"/{row.split}/images/" in row.ref["path"] for row in rows)
    task = inferred(home).task
    assert [*scan(home).rows] == [*rows] and Task.parse(task.plain(), "test") == task


def test_columns_of_labels_make_several_labels_and_numbers_a_regression(write, inferred, scan):
    home = write(*(f"{name}.let" for name in NAMES))
    table = home / "table.csv"
    rows = [f"{name}.let,{number % 2},{int(number % 3 == 0)}" for number, name in enumerate(NAMES)]
    table.write_text("\n".join(["file,red,blue", *rows]))
    assert inferred(table).task.problems == ("multilabel",)
    assert scan(table).rows.target(0)[:3] == [("blue",), ("red",), ()]
    table.write_text(lines([f"{name}.let" for name in NAMES], [number / 8 for number in range(12)]))
    assert inferred(table).task.problems == ("regression",) and scan(table).rows.target(0)[1] == 0.125


def test_missing_and_blank_files_are_skipped_with_their_line(write, scan):
    home = write(*(f"{name}.let" for name in NAMES))
    (home / "03.let").unlink()
    (home / "05.let").write_text(" ")
    (home / "table.csv").write_text(lines([f"{name}.let" for name in NAMES]) + "\n,ham\n00.let,\n")
    found = scan(home / "table.csv")
    assert [(skip.ref, skip.reason.rpartition("/")[2]) for skip in found.skipped] == [
        ("table.csv:14", "no path of a letter"),
        ("table.csv:5", "03.let: the file is missing"),
        ("table.csv:7", "05.let: no words in it"),
    ]
    assert [row.id for row in found.unlabeled] == ["table.csv:15"]


def test_a_column_that_names_nothing_is_one_line(write, inferred):
    home = write("other.let")
    (home / "table.csv").write_text(lines([f"{name}.let" for name in NAMES]))
    with pytest.raises(BadInput, match=r"none of the letters that column 'path' names is there, such as '00\.let'"):
        inferred(home / "table.csv")
    (home / "table.csv").write_text(lines([f"https://x.org/{name}.let" for name in NAMES]))
    with pytest.raises(BadInput, match="Addresses are not fetched"):
        inferred(home / "table.csv")


def test_files_of_another_kind_are_left_to_others(write, inferred):
    home = write(*(f"{name}.pdf" for name in NAMES))
    (home / "table.csv").write_text(lines([home / f"{name}.pdf" for name in NAMES]))
    assert inferred(home / "table.csv") is None


def test_of_several_columns_of_paths_the_one_whose_files_are_there_counts(write, inferred):
    home = write(*(f"{name}.let" for name in NAMES))
    rows = [f"raw-{name}.let,{name}.let,{label}" for name, label in zip(NAMES, LABELS, strict=True)]
    (home / "table.csv").write_text("\n".join(["source,file,label", *rows]))
    assert inferred(home / "table.csv").task.data["path"] == "file"


def test_hints_of_columns_are_heeded_and_checked(write, inferred):
    home = write(*(f"{name}.let" for name in NAMES))
    rows = [f"{name}.let,{name}.let,{label}" for name, label in zip(NAMES, LABELS, strict=True)]
    (home / "table.csv").write_text("\n".join(["one,two,label", *rows]))
    assert inferred(home / "table.csv", inputs=("two",)).task.data["path"] == "two"
    with pytest.raises(UnknownName, match="three"):
        inferred(home / "table.csv", inputs=("three",))
    with pytest.raises(BadInput, match="A letter is one file: give one column of paths, not one, two"):
        inferred(home / "table.csv", inputs=("one", "two"))


def test_a_note_beside_folders_of_classes_is_no_table(write, inferred):
    home = write("ham/a.let", "spam/b.let")
    (home / "notes.csv").write_text("who,when\nme,today\nyou,later\n")
    assert inferred(home).task.data["layout"] == "classes"


def test_a_table_handed_to_a_predictor_names_its_files(write, inferred, letters):
    home = write(*(f"images/{name}.let" for name in NAMES))
    (home / "table.csv").write_text(lines([f"{name}.let" for name in NAMES]))
    task = inferred(home / "table.csv").task
    (home / "new.csv").write_text("path\n03.let\n99.let\n")
    by_class = Task(
        name="t", modality="mail", targets=(TaskTarget(problem="classification"),), data={"folder": str(home)}
    )
    for one in (task, by_class):
        found = collect_files([home / "new.csv"], one, letters, take=lambda given: None, wanted="a path")
        assert paths_of(found.rows) == [str(home / "images" / "03.let")]
        assert [skip.reason for skip in found.skipped] == ["the file is missing"]


def test_a_wrong_data_table_is_refused(write, inferred, letters):
    home = write(*(f"{name}.let" for name in NAMES))
    (home / "table.csv").write_text(lines([f"{name}.let" for name in NAMES]))
    task = inferred(home / "table.csv").task
    for data, match in (
        ({"pth": "x"}, "pth"),
        ({"path": ""}, "needs the key path"),
        ({"files": 3}, "files is a folder"),
        ({"drop": "x"}, "drop is a whole number"),
    ):
        with pytest.raises(BadInput, match=match):
            scan_files(task.model_copy(update={"data": {**task.data, **data}}), letters)


def test_files_without_a_label_beside_a_table_are_named_by_the_task(write, inferred, letters):
    home = write(*(f"{name}.let" for name in NAMES), "unlabelled/two.let")
    (home / "unlabeled.csv").write_text("image\nother.let\n")
    (home / "table.csv").write_text(lines([f"{name}.let" for name in NAMES]))
    found = inferred(home)
    assert f"unlabelled letters in {home / 'unlabelled'}" in found.why and "unlabeled.csv" not in found.unused
    assert found.task.unlabeled == (str(home / "unlabeled.csv"), str(home / "unlabelled"))


def test_splits_of_a_long_sorted_table_have_their_own_files(write, scan):
    """Further down than a glance at the first rows, the test rows name files of their own folder, by the same names."""
    home = write(
        *(f"{split}/{number}.let" for split, count in (("train", 1200), ("test", 30)) for number in range(count))
    )
    rows = [(f"{number}.let", "ab"[number % 2], "train") for number in range(1200)]
    rows += [(f"{number}.let", "ab"[number % 2], "test") for number in range(30)]
    (home / "all.csv").write_text("\n".join(",".join(row) for row in [("file", "label", "split"), *rows]))

    found = scan(home / "all.csv")

    places = {(row.split, row.ref["path"].split("/")[-2]) for row in found.rows}
    assert len(found.rows) == 1230 and places == {("train", "train"), ("test", "test")}


def test_a_column_of_which_the_first_rows_alone_name_files_is_no_column_of_paths(write, inferred):
    home = write(*(f"{number}.let" for number in range(1000)))
    rows = [f"{number},{'ab'[number % 2]}" for number in range(5000)]
    (home / "all.csv").write_text("\n".join(["number,label", *rows]))

    assert inferred(home / "all.csv") is None

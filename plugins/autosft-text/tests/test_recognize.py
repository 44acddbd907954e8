"""Which data are texts, which columns, and how sure that is."""

import json

import numpy as np
import pytest

from autosft.api import BadInput, Hints, UnknownName
from autosft_text.modality import TextModality

CHINESE = (
    "这部电影非常好看，值得推荐",
    "服务态度太差，再也不会来了",
    "味道不错，价格也合理",
    "质量很差，用了两天就坏了",
)


@pytest.fixture
def recognize():
    return TextModality().recognize


def test_texts_and_labels_are_recognized_and_named(recognize, reviews):
    inferred = recognize(reviews)
    assert inferred.task.data["text"] == ["text"] and inferred.task.target_names == ("label",)
    assert inferred.task.problems == ("classification",) and inferred.task.name == "reviews"
    assert inferred.confidence == pytest.approx(0.9) and "'text'" in inferred.why and "'label'" in inferred.why


@pytest.mark.parametrize(
    "name, options",
    [
        ("a.csv", {"delimiter": ";"}),
        ("a.tsv", {"delimiter": "\t"}),
        ("a.csv", {"quotechar": "'", "quoting": 1}),
        ("a.csv", {"encoding": "cp1252"}),
        ("a.csv", {"encoding": "utf-16"}),
    ],
    ids=["semicolons", "tabs", "other quotes", "cp1252", "utf-16"],
)
def test_dialects_make_no_difference(recognize, write_table, sentences, tmp_path, name, options):
    rows = [(f"{text} “Schön”, für jeden; naïve", label) for text, label in sentences(40)]
    inferred = recognize(write_table(tmp_path / name, rows, **options))
    scan = TextModality().scan(inferred.task)
    assert [(row.ref, *row.targets) for row in scan.rows] == rows


def test_a_table_without_header_has_numbered_columns(recognize, write_table, sentences, tmp_path):
    inferred = recognize(write_table(tmp_path / "a.csv", list(sentences(40)), header=None))
    assert inferred.task.data["text"] == ["column_1"] and inferred.task.target_names == ("column_2",)
    assert len(TextModality().scan(inferred.task).rows) == 40


def test_json_lines_are_recognized(recognize, sentences, tmp_path):
    lines = (json.dumps({"body": text, "sentiment": label, "id": n}) for n, (text, label) in enumerate(sentences(40)))
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines))
    inferred = recognize(path)
    assert inferred.task.data["text"] == ["body"] and inferred.unused == ("column 'id'",)
    assert inferred.confidence == pytest.approx(0.9)  # the numbers of rows say nothing


def test_parquet_is_recognized(recognize, sentences, tmp_path):
    import pyarrow
    from pyarrow import parquet

    texts, labels = zip(*sentences(40), strict=True)
    parquet.write_table(pyarrow.table({"text": texts, "label": labels}), tmp_path / "a.parquet")
    assert recognize(tmp_path / "a.parquet").task.target_names == ("label",)


def test_several_columns_of_prose_are_joined_unless_one_is_named(recognize, write_table, sentences, tmp_path):
    rows = [(f"A title about {n} things", text, label) for n, (text, label) in enumerate(sentences(40))]
    path = write_table(tmp_path / "a.csv", rows, header=("title", "body", "label"))
    inferred = recognize(path)
    assert inferred.task.data["text"] == ["title", "body"]
    assert TextModality().scan(inferred.task).rows[0].ref == "\x1f".join(rows[0][:2])
    named = recognize(path, Hints(inputs=("body",)))
    assert named.task.data["text"] == ["body"] and named.unused == ("column 'title'",)
    assert named.confidence > inferred.confidence


def test_scripts_without_blanks_are_prose_too(recognize, write_table, tmp_path):
    rows = [(f"{CHINESE[n % 4]}{n}", ("好", "坏")[n % 2]) for n in range(40)]
    inferred = recognize(write_table(tmp_path / "a.csv", rows))
    assert inferred.task.data["text"] == ["text"] and inferred.task.target_names == ("label",)


def test_the_target_may_be_named(recognize, write_table, sentences, tmp_path):
    rows = [(text, label, ("x", "y", "z")[n % 3]) for n, (text, label) in enumerate(sentences(40))]
    path = write_table(tmp_path / "a.csv", rows, header=("text", "label", "topic"))
    assert recognize(path, Hints(targets=("topic",))).task.target_names == ("topic",)
    with pytest.raises(UnknownName, match="topic"):
        recognize(path, Hints(targets=("topik",)))
    with pytest.raises(UnknownName, match="text"):
        recognize(path, Hints(inputs=("texts",)))


def test_texts_of_a_word_are_taken_if_they_are_named(recognize, write_table, tmp_path):
    rows = [(f"Name{n}", "ab"[n % 2]) for n in range(40)]
    path = write_table(tmp_path / "a.csv", rows, header=("surname", "label"))
    assert recognize(path) is None
    assert recognize(path, Hints(inputs=("surname",))).task.data["text"] == ["surname"]


def test_numbers_and_codes_are_no_texts(recognize, write_table, tmp_path):
    draw = np.random.default_rng(0)
    kinds = ("Private", "State gov office clerk", "Self employed not inc")
    rows = [(int(draw.integers(17, 90)), kinds[n % 3], n % 5, ("<=50K", ">50K")[n % 2]) for n in range(200)]
    assert recognize(write_table(tmp_path / "a.csv", rows, header=("age", "work", "edu", "class"))) is None


def test_prose_among_many_other_columns_is_claimed_with_little_confidence(recognize, write_table, tmp_path):
    draw = np.random.default_rng(0)
    rows = [
        (n % 2, f"Braund, Mr. Owen Harris {n}", *draw.integers(0, 9, 6), ("S", "C", "Q")[n % 3]) for n in range(100)
    ]
    header = ("survived", "name", *"abcdef", "port")
    inferred = recognize(write_table(tmp_path / "a.csv", rows, header=header), Hints(targets=("survived",)))
    assert inferred.task.data["text"] == ["name"] and inferred.confidence < 0.3
    assert "column 'port'" in inferred.unused


def test_paths_of_files_are_somebody_else_s(recognize, write_table, tmp_path):
    for n in range(20):
        (tmp_path / f"a clip number {n}.wav").write_bytes(b"RIFF")
    path = write_table(
        tmp_path / "a.csv", [(f"a clip number {n}.wav", "ab"[n % 2]) for n in range(20)], ("path", "label")
    )
    assert recognize(path) is None
    assert recognize(path, Hints(inputs=("path",))) is None


def test_texts_without_a_target_are_refused(recognize, write_table, sentences, tmp_path):
    rows = [(text, f"Noch ein ganzer Satz, Nummer {n}") for n, (text, _) in enumerate(sentences(40))]
    with pytest.raises(BadInput, match="--target"):
        recognize(write_table(tmp_path / "a.csv", rows, header=("en", "de")))


def test_folders_of_texts_are_recognized_and_side_files_are_not(recognize, sentences, tmp_path):
    for number, (text, label) in enumerate(sentences(40)):
        path = tmp_path / "mails" / ("test" if number % 5 == 0 else "train") / label / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    inferred = recognize(tmp_path / "mails")
    assert inferred.task.target_names == ("label",) and "8 test texts" in inferred.why
    (tmp_path / "photos" / "ant").mkdir(parents=True)
    for number in range(5):
        (tmp_path / "photos" / "ant" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "photos" / "ant" / "notes.txt").write_text("seen at noon")
    assert recognize(tmp_path / "photos") is None


def test_columns_of_groups_times_and_weights_are_named_and_used(recognize, write_table, sentences, tmp_path):
    """The column of groups reads like prose, and that of weights like a target."""
    rows = [
        (text, f"the {n // 4} th writer of all", f"2020-01-{1 + n % 28:02}", n % 3, label)
        for n, (text, label) in enumerate(sentences(40))
    ]
    path = write_table(tmp_path / "a.csv", rows, header=("text", "writer", "day", "score", "mood"))
    roles = {"group": "writer", "time": "day", "weight": "score"}
    inferred = recognize(path, Hints(**roles))
    assert (
        inferred.task.roles == roles
        and inferred.task.data["text"] == ["text"]
        and inferred.task.target_names == ("mood",)
    )
    assert (
        "rows of one column 'writer' stay together; split by time in column 'day'; weights in column 'score'"
        in inferred.why
    )
    assert inferred.unused == ()
    row = TextModality().scan(inferred.task).rows[5]
    assert (row.group, row.weight) == ("the 1 th writer of all", 2.0) and row.time == 1578268800.0
    with pytest.raises(UnknownName, match=r"'wrter'.*'writer'"):
        recognize(path, Hints(group="wrter"))


@pytest.mark.parametrize(
    "note", ["id,score\n1,2.5\n2,3.5\n3,9.5\n", "who,said\nme,a word or two\nyou,no word at all\n"]
)
def test_a_note_beside_folders_of_texts_is_no_table(recognize, tmp_path, note):
    for number in range(8):
        path = tmp_path / "mails" / ("ham", "spam")[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"some text, number {number}")
    (tmp_path / "mails" / "notes.csv").write_text(note)
    task = recognize(tmp_path / "mails").task
    assert task.data["layout"] == "classes" and len(TextModality().scan(task).rows) == 8
    answered = TextModality().collect([tmp_path / "mails"], task).rows
    assert sorted(answered.ref) == [f"some text, number {number}" for number in range(8)]


def test_a_folder_of_texts_has_no_columns(recognize, tmp_path):
    for label in ("good", "bad"):
        (tmp_path / "d" / label).mkdir(parents=True)
        (tmp_path / "d" / label / "1.txt").write_text("some text of this kind")
    with pytest.raises(BadInput, match="a folder has no column 'writer'"):
        recognize(tmp_path / "d", Hints(group="writer"))


@pytest.mark.parametrize("order", ["shuffled", "sorted"])
def test_what_a_target_is_is_told_by_rows_of_the_whole_table(recognize, write_table, tmp_path, order):
    """77 classes of 130 rows each are too many for the first thousand rows, which of a sorted table have seven."""
    draw = np.random.default_rng(0)
    numbers = np.repeat(np.arange(77), 130)
    numbers = draw.permutation(numbers) if order == "shuffled" else numbers
    rows = [(f"is it this what they say of number {n}, or that, row {row}?", str(n)) for row, n in enumerate(numbers)]

    inferred = recognize(write_table(tmp_path / "asked.csv", rows, header=("text", "target")))

    assert inferred.task.problems == ("classification",) and inferred.task.target_names == ("target",)


def test_numbers_that_are_alike_in_the_first_rows_are_numbers(recognize, write_table, tmp_path):
    rows = [(f"how far is it, they ask, and row {row} knows", f"{max(0, row - 1500) * 0.25}") for row in range(4000)]
    inferred = recognize(write_table(tmp_path / "far.csv", rows, header=("text", "target")))
    assert inferred.task.problems == ("regression",)

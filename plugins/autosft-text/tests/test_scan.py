"""From tables and files to rows: what is counted, what is listed, and what a user may hand over."""

import os

import pytest

from autosft.api import BadInput, Hints, Row, Task, TaskTarget, UnknownName
from autosft_text.joining import as_text
from autosft_text.modality import TextModality

FORM = {"problem": "classification", "columns": ["label"], "form": "label"}
MODALITY = TextModality()


@pytest.fixture
def task_of(write_table, tmp_path):
    """A function from rows to the task of a table of them."""

    def make(rows, name="a.csv", text=("text",)):
        path = write_table(tmp_path / name, rows, header=(*text, "label"))
        data = {"table": str(path), "text": list(text), "target": FORM}
        return Task(name="t", modality="text", targets=(TaskTarget(problem="classification"),), data=data)

    return make


def test_rows_are_named_after_their_place(task_of):
    scan = MODALITY.scan(task_of([("one text", "a"), ("two\nlines", "b"), ("three", "a")]))
    assert scan.rows.id.tolist() == ["a.csv:2", "a.csv:3", "a.csv:5"]
    assert scan.rows.ref.tolist() == ["one text", "two\nlines", "three"]
    assert scan.rows.target(0) == ["a", "b", "a"]


def test_empty_texts_are_counted_and_rows_without_target_may_be_learned_from(task_of):
    scan = MODALITY.scan(task_of([("good", "a"), ("", "b"), ("  ", "b"), ("no label", ""), ("fine", "b")]))
    assert scan.rows.ref.tolist() == ["good", "fine"]
    assert [(skip.ref, skip.reason) for skip in scan.skipped] == [
        ("a.csv:3", "the text is empty"),
        ("a.csv:4", "the text is empty"),
    ]
    assert scan.unlabeled.ref.tolist() == ["no label"] and scan.unlabeled.targets.tolist() == [()]


def test_a_part_may_be_missing_but_not_all(task_of):
    scan = MODALITY.scan(task_of([("head", "body", "a"), ("", "body", "b"), ("", "", "a")], text=("title", "text")))
    assert scan.rows.ref.tolist() == ["head\x1fbody", "body"] and len(scan.skipped) == 1


def test_test_rows_without_targets_are_left_out_and_said_once(write_table, tmp_path, sentences):
    write_table(tmp_path / "d" / "train.csv", list(sentences(40)))
    write_table(tmp_path / "d" / "test.csv", [(f"a text to answer {n}",) for n in range(30)], header=("text",))
    scan = MODALITY.scan(MODALITY.recognize(tmp_path / "d").task)
    assert len(scan.rows) == 40 and not len(scan.unlabeled)
    assert [skip.reason for skip in scan.skipped] == ["none of them has a target; not used"]


def test_a_missing_column_or_file_is_one_line(task_of, tmp_path):
    task = task_of([("x y z", "a"), ("u v w", "b")])
    for wrong, error in (({"text": ["txt"]}, UnknownName), ({"table": str(tmp_path / "none.csv")}, BadInput)):
        with pytest.raises(error):
            MODALITY.scan(task.model_copy(update={"data": {**task.data, **wrong}}))
    with pytest.raises(UnknownName, match="texts"):
        MODALITY.scan(task.model_copy(update={"data": {**task.data, "texts": ["text"]}}))


def test_half_characters_become_question_marks():
    assert as_text(["a\ud800b", None, " c "]) == "a?b\x1fc"
    MODALITY.digest(
        MODALITY.collect(
            ["a\ud800b"], Task(name="t", modality="text", targets=(TaskTarget(problem="c"),), data={})
        ).rows[0]
    )


def test_files_of_texts_in_any_encoding_are_read_and_others_are_skipped(tmp_path):
    contents = {"a/1.txt": "Grüße".encode("cp1252"), "a/2.txt": "Grüße".encode("utf-16"), "b/1.txt": "Grüße".encode()}
    contents |= {"b/2.txt": b"", "b/3.txt": b"\x89PNG\r\n\x1a\n\0\0\0", "b/1001": b"a mail without an ending"}
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    scan = MODALITY.scan(MODALITY.recognize(tmp_path).task)
    assert dict(zip(scan.rows.id, scan.rows.ref, strict=True)) == {
        **dict.fromkeys(("a/1.txt", "a/2.txt", "b/1.txt"), "Grüße"),
        "b/1001": "a mail without an ending",
    }
    assert len(scan.skipped) == 2 and all("\n" not in skip.reason for skip in scan.skipped)


def test_inputs_of_every_kind_are_collected_in_order(task_of, tmp_path, write_table):
    task = task_of([("x y z", "a"), ("u v w", "b")])
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "1.txt").write_text("a mail")
    other = write_table(tmp_path / "other.csv", [("from a table",), ("",)], header=("anything",))
    given = ["a text", str(tmp_path / "a.csv"), other, tmp_path / "mails", {"text": "by column"}, ("a part",), ""]
    rows = MODALITY.collect(given, task).rows
    assert rows.ref.tolist() == ["a text", "x y z", "u v w", "from a table", "", "a mail", "by column", "a part", ""]
    assert rows.id.tolist()[:5] == ["input-0", "a.csv:2", "a.csv:3", "other.csv:2", "other.csv:3"]


def test_the_same_file_twice_gives_rows_of_two_names(task_of, tmp_path):
    task = task_of([("x y z", "a")])
    assert MODALITY.collect([tmp_path / "a.csv"] * 2, task).rows.id.tolist() == ["a.csv:2", "a.csv:2 (2)"]


@pytest.mark.parametrize("wrong", [3, None, b"bytes", ("a", "b"), {"txt": "x"}, "tset.csv", "gone/mails.txt"])
def test_inputs_that_are_no_texts_are_refused(task_of, wrong):
    with pytest.raises(BadInput):
        MODALITY.collect([wrong], task_of([("x y z", "a")]))


def test_a_table_without_the_column_of_texts_is_refused_by_name(task_of, write_table, tmp_path):
    path = write_table(tmp_path / "b.csv", [("x", "y")], header=("title", "body"))
    with pytest.raises(UnknownName, match="'text'"):
        MODALITY.collect([path], task_of([("x y z", "a")]))


@pytest.mark.parametrize("name", ["unlabeled.csv", "Unlabelled/1.txt"])
def test_texts_without_labels_may_lie_beside_a_table(name, write_table, tmp_path, sentences):
    write_table(tmp_path / "a.csv", list(sentences(40)))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("text\na text without a label\n")
    found = MODALITY.recognize(tmp_path, Hints())
    beside = path if path.parent == tmp_path else path.parent
    assert found.task.unlabeled == (str(beside),) and not found.unused
    assert "a text without a label" in MODALITY.collect([beside], found.task).rows[0].ref


def test_a_person_sees_each_part_of_a_text_on_a_line_of_its_own():
    assert MODALITY.preview(Row("r", as_text(["A title", "", "a body"]))).text == "A title\na body"


def test_a_pipe_among_texts_is_not_waited_for(tmp_path):
    for name in ("ham", "spam"):
        (tmp_path / "mails" / name).mkdir(parents=True)
        (tmp_path / "mails" / name / "1.txt").write_text("some text")
    os.mkfifo(tmp_path / "mails" / "ham" / "pipe")
    scan = MODALITY.scan(MODALITY.recognize(tmp_path / "mails").task)
    assert len(scan.rows) == 2 and [skip.ref.rpartition("/")[2] for skip in scan.skipped] == ["pipe"]

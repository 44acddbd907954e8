"""A modality says what its files are; folders of classes mean the same to all."""

import os
import subprocess
from pathlib import Path

import pytest

from autosft.contracts.task import Hints, Task
from autosft.errors import BadInput, Unreadable
from autosft.folders.files import FileKind, walk
from autosft.folders.listing import rows_of_inputs, scan_folder
from autosft.folders.recognition import recognize_folder


def inspect(path):
    text = Path(path).read_text()
    if not text.strip():
        raise Unreadable("no words in it")
    return {"path": path, "length": len(text)}


LETTERS = FileKind("a letter", "letters", frozenset({".txt"}), lambda path: False, inspect)


@pytest.fixture
def mail(tmp_path):
    for split in ("train", "test"):
        for name in ("ham", "spam"):
            for number in range(3):
                file = tmp_path / "mail" / split / name / f"{number}.txt"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{name} {number}")
    return tmp_path / "mail"


def test_a_kinds_own_endings_count_before_those_of_side_files(mail):
    inferred = recognize_folder(mail, LETTERS, "mail", Hints())
    assert inferred.why == "6 training and 6 test letters in 2 folders, one per class"
    assert (inferred.task.modality, inferred.task.problems, inferred.task.name) == ("mail", ("classification",), "mail")


def test_rows_refer_to_what_inspecting_gave_and_the_unreadable_are_skipped(mail):
    (mail / "train" / "ham" / "0.txt").write_text(" ")
    scan = scan_folder(recognize_folder(mail, LETTERS, "mail", Hints()).task, LETTERS)
    assert len(scan.rows) == 11
    assert scan.rows[0].ref == {"path": str(mail / "test" / "ham" / "0.txt"), "length": 5}
    assert [(Path(skip.ref).name, skip.reason) for skip in scan.skipped] == [("0.txt", "no words in it")]


def test_folders_give_labels_for_whatever_problem_is_asked_and_no_columns(mail):
    with pytest.raises(BadInput, match="no column 'sender'"):
        recognize_folder(mail, LETTERS, "mail", Hints(targets=("sender",)))
    assert recognize_folder(mail, LETTERS, "mail", Hints(problem="regression")).task.problems == ("regression",)
    assert recognize_folder(mail, LETTERS, "mail", Hints(targets=("label",))).task.problems == ("classification",)


def test_inputs_are_paths_folders_or_what_the_modality_takes(mail):
    def take(given):
        return given if isinstance(given, bytes) else None

    scan = rows_of_inputs([mail / "test", b"raw"], LETTERS, take=take, wanted="a path or bytes")
    assert len(scan.rows) == 7 and (scan.rows[6].id, scan.rows[6].ref) == ("input-1", b"raw")
    with pytest.raises(BadInput, match=r"Input 0 is of type float; give a path or bytes\."):
        rows_of_inputs([0.5], LETTERS, take=take, wanted="a path or bytes")


def test_the_first_folder_below_names_the_class_and_the_user_is_told(mail):
    (mail / "train" / "ham" / "2024" / "may").mkdir(parents=True)
    (mail / "train" / "ham" / "2024" / "may" / "9.txt").write_text("nested")
    inferred = recognize_folder(mail, LETTERS, "mail", Hints())
    assert inferred.why.endswith("one per class (1 of them in subfolders, which count to the class)")
    rows = {row.id: row.targets for row in scan_folder(inferred.task, LETTERS).rows}
    assert rows["train/ham/2024/may/9.txt"] == ("ham",)


@pytest.mark.parametrize("place", ["", "test"])
def test_a_folder_that_cannot_be_listed_is_refused(place, mail, monkeypatch):
    closed, scandir = str(mail / place), os.scandir

    def guarded(folder):
        if str(folder) == closed:
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(BadInput, match=rf"{closed}: the folder cannot be listed \(Permission denied\)"):
        recognize_folder(mail, LETTERS, "mail", Hints())


def test_a_path_that_is_too_long_for_a_name_is_not_there():
    with pytest.raises(BadInput, match="there is no such file or folder"):
        rows_of_inputs(["word " * 100], LETTERS, take=lambda given: None, wanted="a path")


def test_links_that_lead_to_each_other_end_and_give_no_file_twice(mail):
    """Ten folders with a link to each of the others: their paths are more than a million."""
    places = [mail / "train" / "ham" / f"folder{number}" for number in range(10)]
    for place in places:
        place.mkdir()
        (place / "letter.txt").write_text(place.name)
    for place in places:
        for other in places:
            (place / f"to-{other.name}").symlink_to(other)
    scan = scan_folder(recognize_folder(mail, LETTERS, "mail", Hints()).task, LETTERS)
    assert len(scan.rows) == 12 + 10
    assert {skip.reason for skip in scan.skipped} == {"leads to a folder that is listed already; not followed"}


def test_folders_deeper_than_python_recurses_are_listed(tmp_path):
    folder = tmp_path / "mail" / "spam"
    folder.mkdir(parents=True)
    home = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(1500):
            os.mkdir("a", dir_fd=home)
            below = os.open("a", os.O_RDONLY, dir_fd=home)
            os.close(home)
            home = below
        os.close(os.open("letter.txt", os.O_CREAT | os.O_WRONLY, dir_fd=home))
        assert len(walk(str(folder), LETTERS).files) == 1
    finally:
        os.close(home)
        subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.mark.parametrize("inside", ["mail/extra", "mail/train/extra", "elsewhere"])
def test_a_folder_that_is_said_to_be_unlabeled_is_no_class(inside, mail, tmp_path):
    extra = tmp_path / inside
    (extra / "deep").mkdir(parents=True)
    (extra / "deep" / "u.txt").write_text("unlabeled")
    inferred = recognize_folder(mail, LETTERS, "mail", Hints(unlabeled=(str(extra),)))
    assert "extra" not in inferred.unused
    scan = scan_folder(inferred.task.model_copy(update={"unlabeled": (str(extra),)}), LETTERS)
    assert len(scan.rows) == 12 and not scan.skipped and not len(scan.unlabeled)
    assert Task.parse(inferred.task.plain(), "test") == inferred.task

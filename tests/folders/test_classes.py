"""A modality says what its files are; folders of classes mean the same to all."""

from pathlib import Path

import pytest

from autosft.contracts.task import Hints
from autosft.errors import BadInput, Unreadable
from autosft.folders.claim import claim_folder
from autosft.folders.files import FileKind
from autosft.folders.listing import rows_of_inputs, scan_folder


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
    claim = claim_folder(mail, LETTERS, "mail", Hints())
    assert claim.why == "6 training and 6 test letters in 2 folders, one per class"
    assert (claim.task.modality, claim.task.problems, claim.task.name) == ("mail", ("classification",), "mail")


def test_rows_refer_to_what_inspecting_gave_and_the_unreadable_are_faults(mail):
    (mail / "train" / "ham" / "0.txt").write_text(" ")
    scan = scan_folder(claim_folder(mail, LETTERS, "mail", Hints()).task, LETTERS)
    assert len(scan.rows) == 11
    assert scan.rows[0].ref == {"path": str(mail / "test" / "ham" / "0.txt"), "length": 5}
    assert [(Path(fault.ref).name, fault.reason) for fault in scan.faults] == [("0.txt", "no words in it")]


def test_folders_give_labels_for_whatever_problem_is_asked_and_no_columns(mail):
    with pytest.raises(BadInput, match="no column 'sender'"):
        claim_folder(mail, LETTERS, "mail", Hints(targets=("sender",)))
    assert claim_folder(mail, LETTERS, "mail", Hints(problem="regression")).task.problems == ("regression",)
    assert claim_folder(mail, LETTERS, "mail", Hints(targets=("label",))).task.problems == ("classification",)


def test_inputs_are_paths_folders_or_what_the_modality_takes(mail):
    def take(given):
        return given if isinstance(given, bytes) else None

    scan = rows_of_inputs([mail / "test", b"raw"], LETTERS, take=take, wanted="a path or bytes")
    assert len(scan.rows) == 7 and (scan.rows[6].id, scan.rows[6].ref) == ("input-1", b"raw")
    with pytest.raises(BadInput, match=r"Input 0 is of type float; give a path or bytes\."):
        rows_of_inputs([0.5], LETTERS, take=take, wanted="a path or bytes")

"""Rows without targets come from files, folders, tables and archives, wherever they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autosft.archives.unlabeled import existing, with_unlabeled
from autosft.contracts.rows import Row, Rows, Scan
from autosft.contracts.task import Task, TaskTarget
from autosft.errors import BadInput, Unreadable
from autosft.folders.entrances import collect_files
from autosft.folders.files import FileKind
from autosft.testing.toy import ToyModality


def inspect(path):
    if not Path(path).read_text().strip():
        raise Unreadable("no words in it")
    return path


LETTERS = FileKind("a letter", "letters", frozenset({".let"}), lambda path: False, inspect)


class Letters(ToyModality):
    """Files that end in .let."""

    def collect(self, inputs, task):
        return collect_files(inputs, task, LETTERS, take=lambda given: None, wanted="a path")


@pytest.fixture
def found(tmp_path, monkeypatch):
    """The rows without targets that paths give, beside one labelled and one unlabelled row."""
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "cache"))
    here = str(tmp_path / "more" / "1.let")
    scan = Scan(Rows.of([Row(here, here, ("a",))]), Rows.of([Row("u", "u")]))

    def of(*paths):
        task = Task(
            name="mail", modality="points", data={}, targets=(TaskTarget(problem="classification"),), unlabeled=paths
        )
        return with_unlabeled(scan, Letters(), task)

    return of


@pytest.fixture
def more(tmp_path):
    (tmp_path / "more" / "deep").mkdir(parents=True)
    for name in ("1.let", "deep/2.let"):
        (tmp_path / "more" / name).write_text(name)
    return tmp_path / "more"


def test_a_folder_a_file_a_table_and_an_archive_give_their_samples(found, more, tmp_path):
    shutil.make_archive(str(tmp_path / "packed"), "zip", more)
    (tmp_path / "list.csv").write_text("image\nmore/1.let\nmore/deep/2.let\n")
    (tmp_path / "list.txt").write_text("more/1.let\n\nmore/deep/2.let\n")
    for path, count in (
        (tmp_path / "list.txt", 2),
        (more, 2),
        (more / "1.let", 1),
        (tmp_path / "list.csv", 2),
        (tmp_path / "packed.zip", 2),
    ):
        scan = found(str(path))
        assert len(scan.rows) == 1 and len(scan.unlabeled) == 1 + count, path
        assert not any(row.targets for row in scan.unlabeled) and len(set(scan.unlabeled.id)) == 1 + count
        assert scan.rows[0].id not in set(scan.unlabeled.id)


def test_what_cannot_be_read_costs_no_labelled_row(found, more):
    (more / "3.let").write_text("")
    scan = found(str(more))
    assert len(scan.unlabeled) == 3 and not any(skip.lost for skip in scan.skipped) and len(scan.skipped) == 1


def test_what_gives_no_row_is_refused_with_the_reason(found, more):
    (more / "4.let").write_text(" ")
    with pytest.raises(BadInput, match=r"4\.let: no row without a label can be used \(.*no words in it\)"):
        found(str(more / "4.let"))


def test_nothing_is_asked_of_who_names_nothing(found):
    assert len(found().unlabeled) == 1


def test_what_is_not_there_or_holds_the_labelled_data_is_refused(more, tmp_path):
    assert existing([more, str(more)], tmp_path / "data") == (str(more), str(more))
    for path, match in (("gone", "no such file or folder"), ("", "the labelled data lies in it")):
        with pytest.raises(BadInput, match=f"--unlabeled .*{match}"):
            existing([tmp_path / path], tmp_path / "data")

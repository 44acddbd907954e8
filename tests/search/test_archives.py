"""An archive is recognized as the folder that was packed, under the archive's name, and refusals name the archive."""

import dataclasses
import zipfile
from types import SimpleNamespace

import pytest

from autosft.builtin.classification import Classification
from autosft.contracts.task import Hints
from autosft.errors import BadInput, Unreadable
from autosft.folders.files import FileKind
from autosft.folders.recognition import recognize_folder
from autosft.search.recognize import check_hints, check_learned_from, recognize
from autosft.testing.toy import ToyStrategy


def inspect(path):
    raise Unreadable(path)


LETTERS = FileKind("a letter", "letters", frozenset({".let"}), lambda path: False, inspect)


@pytest.fixture
def mail(registry, tmp_path, monkeypatch):
    """Recognize a zip of letters, by their names."""
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "cache"))
    modality = SimpleNamespace(
        name="mail", recognize=lambda path, hints: recognize_folder(path, LETTERS, "mail", hints or Hints())
    )
    registry = dataclasses.replace(registry, modalities={"mail": modality})

    def recognized(*names):
        with zipfile.ZipFile(tmp_path / "my.mail.zip", "w") as archive:
            for name in names:
                archive.writestr(name, "words")
        return recognize(tmp_path / "my.mail.zip", registry)[0]

    return recognized


def test_the_task_inferred_of_an_archive_has_its_name(mail, tmp_path):
    inferred = mail("box/ham/1.let", "box/spam/1.let")
    assert inferred.task.name == "my.mail"
    assert inferred.why == "my.mail.zip, extracted: 2 letters in 2 folders, one per class"
    assert (tmp_path / "cache" / "archives") in type(tmp_path)(inferred.task.data["folder"]).parents


def test_the_same_archive_gives_the_same_task_again(mail):
    assert mail("ham/1.let", "spam/1.let").task == mail("ham/1.let", "spam/1.let").task


def test_refusals_name_the_archive_and_not_where_it_was_extracted(mail, tmp_path):
    for names, match in (
        (["ham/1.let", "ham/2.let"], r"my\.mail\.zip.*2 letters, but no subfolder of letters per class"),
        (["notes.md", "more.md"], r"my\.mail\.zip: not recognized by any modality"),
    ):
        with pytest.raises(BadInput, match=match) as caught:
            mail(*names)
        assert "cache" not in str(caught.value)


class Learner(ToyStrategy):
    name, wants = "learner", frozenset({"unlabeled"})


def test_rows_without_targets_are_refused_unless_a_strategy_learns_from_them():
    with pytest.raises(BadInput, match=r"more/: would not be used, as none of the allowed strategies \(toy\) learns"):
        check_learned_from("more/", [ToyStrategy()])
    check_learned_from("more/", [ToyStrategy(), Learner()])


def test_weights_of_rows_are_refused_where_a_loss_is_of_a_whole_batch(task, registry):
    class Whole(Classification):
        loss_per_row = False

    named, hints = task.model_copy(update={"weight": "cost"}), Hints(weight="cost")
    check_hints(named, hints, registry)
    with pytest.raises(BadInput, match="classification has one loss for a whole batch"):
        check_hints(named, hints, dataclasses.replace(registry, problems={"classification": Whole()}))

import os
import shutil
from pathlib import Path

import pytest

from autosft.api import BadInput, Hints, Task, TaskTarget, UnknownName
from autosft_image.modality import ImageModality


@pytest.fixture
def modality():
    return ImageModality()


def test_splits_and_classes_are_recognized_and_scanned(modality, dataset):
    inferred = modality.recognize(dataset)
    assert inferred.why == "6 training and 6 test images in 2 folders, one per class"
    assert inferred.task.name == "insects" and inferred.confidence > 0.9
    scan = modality.scan(inferred.task)
    assert len(scan.rows) == 12 and not scan.skipped and not len(scan.unlabeled)
    row = scan.rows[0]
    assert (row.targets, row.split, row.group, row.weight) == (("ants",), "test", "", 1.0)
    assert row.id == "test/ants/0.jpg" and row.ref == str(dataset / row.id)
    assert len(set(scan.rows.id)) == 12


def test_classes_without_splits_are_recognized(modality, dataset):
    inferred = modality.recognize(dataset / "train")
    assert inferred.why == "6 images in 2 folders, one per class"
    assert set(modality.scan(inferred.task).rows.split) == {""}


def test_names_of_splits_may_be_written_in_any_case(modality, dataset):
    (dataset / "train").rename(dataset / "Training")
    (dataset / "test").rename(dataset / "TEST")
    shutil.copytree(dataset / "TEST", dataset / "Validation")
    rows = modality.scan(modality.recognize(dataset).task).rows
    assert sorted(set(rows.split)) == ["test", "train", "valid"] and len(rows) == 18


def test_a_class_may_be_called_like_a_split(modality, dataset, save):
    shutil.rmtree(dataset / "test")
    shutil.move(dataset / "train" / "ants", dataset / "bus")
    shutil.move(dataset / "train" / "bees", dataset / "car")
    save(dataset / "train" / "ice.jpg")
    inferred = modality.recognize(dataset)
    assert sorted(set(modality.scan(inferred.task).rows.target(0))) == ["bus", "car", "train"]


def test_side_files_are_passed_over_and_strangers_are_skipped(modality, dataset):
    for name in (".DS_Store", "train/.hidden.jpg", "train/ants/Thumbs.db", "LICENSE.txt", "train/ants/notes.md"):
        (dataset / name).write_bytes(b"x")
    (dataset / "train" / "ants" / "film.mp4").write_bytes(b"x")
    inferred = modality.recognize(dataset)
    assert inferred.unused == ("LICENSE.txt",)
    (skip,) = modality.scan(inferred.task).skipped
    assert skip.ref.endswith("film.mp4") and "neither an image" in skip.reason


def test_damaged_files_are_skipped_with_a_reason(modality, dataset):
    (dataset / "train" / "ants" / "0.jpg").write_bytes(b"")
    (dataset / "train" / "ants" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (dataset / "train" / "ants" / "link.jpg").symlink_to(dataset / "nowhere.jpg")
    scan = modality.scan(modality.recognize(dataset).task)
    assert len(scan.rows) == 11
    assert sorted(Path(skip.ref).name for skip in scan.skipped) == ["0.jpg", "broken.png", "link.jpg"]
    assert all(skip.reason and "\n" not in skip.reason for skip in scan.skipped)


@pytest.mark.parametrize(
    "options",
    [
        *({"format": name} for name in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000", "QOI")),
        {"format": "JPEG2000", "no_jp2": True},
        {"format": "TIFF", "big_tiff": True},
    ],
    ids=str,
)
def test_whatever_an_image_is_called_it_is_known(modality, dataset, save, options):
    save(dataset / "train" / "ants" / "scan", **options)
    assert len(modality.scan(modality.recognize(dataset).task).rows) == 13


def test_a_pipe_is_skipped_and_never_waited_for(modality, dataset):
    os.mkfifo(dataset / "train" / "ants" / "pipe.jpg")
    (skip,) = modality.scan(modality.recognize(dataset).task).skipped
    assert "ordinary" in skip.reason


def test_nested_and_non_ascii_names_are_found(modality, dataset, save):
    save(dataset / "train" / "ants" / "Sommer 2024" / "Grüße #1 蟻.JPG")
    rows = modality.scan(modality.recognize(dataset).task).rows
    assert "train/ants/Sommer 2024/Grüße #1 蟻.JPG" in set(rows.id)


def test_names_that_are_no_utf8_are_skipped(modality, dataset):
    shutil.copy(dataset / "train/ants/0.jpg", os.fsencode(dataset / "train/ants") + b"/\xff.jpg")
    (skip,) = modality.scan(modality.recognize(dataset).task).skipped
    assert "UTF-8" in skip.reason and skip.ref.encode()


def test_linked_folders_are_followed_but_never_in_circles(modality, dataset, tmp_path):
    shutil.move(dataset / "train" / "bees", tmp_path / "elsewhere")
    (dataset / "train" / "bees").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "circle").symlink_to(dataset)
    (dataset / "train" / "ants" / "circle").symlink_to(dataset / "train" / "ants")
    shutil.rmtree(dataset / "test")
    rows = modality.scan(modality.recognize(dataset).task).rows
    assert {"train/ants/0.jpg", "train/bees/0.jpg"} <= set(rows.id)
    assert not any("ants/circle/circle" in id or "bees/circle/train/bees" in id for id in rows.id)


@pytest.mark.parametrize("place", ["unlabeled", "Unlabelled", "train/unlabelled"])
def test_unlabeled_images_have_rows_without_targets(place, modality, dataset, save):
    save(dataset / place / "u.jpg")
    inferred = modality.recognize(dataset)
    assert inferred.why.endswith("and 1 unlabeled images")
    scan = modality.scan(inferred.task)
    assert len(scan.rows) == 12 and list(scan.unlabeled.id) == [f"{place}/u.jpg"] and scan.unlabeled[0].targets == ()


def test_unlabeled_images_of_the_test_folder_are_never_learned_from(modality, dataset, save):
    save(dataset / "test" / "unlabeled" / "u.jpg")
    scan = modality.scan(modality.recognize(dataset).task)
    assert not len(scan.unlabeled) and "not used" in scan.skipped[0].reason


def test_stray_images_and_folders_without_images_are_named(modality, dataset, save):
    save(dataset / "cover.jpg")
    save(dataset / "extra" / "x.jpg")
    (dataset / "train" / "wasps").mkdir()
    inferred = modality.recognize(dataset)
    assert sorted(inferred.unused) == ["cover.jpg", "extra", "wasps"]
    assert len(modality.scan(inferred.task).skipped) == 3


def test_images_without_class_folders_are_refused_with_a_way_out(modality, dataset):
    with pytest.raises(BadInput, match=r"3 images, but no subfolder of images per class\. Put the images"):
        modality.recognize(dataset / "train" / "ants")


def test_a_single_class_is_refused_with_a_way_out(modality, dataset):
    shutil.rmtree(dataset / "train" / "bees")
    with pytest.raises(BadInput, match="just one class with images, 'ants'"):
        modality.recognize(dataset / "train")


def test_splits_without_class_folders_are_no_classes(modality, tmp_path, save):
    for name in ("train/a.jpg", "test/b.jpg"):
        save(tmp_path / name)
    with pytest.raises(BadInput, match="no subfolder per class"):
        modality.recognize(tmp_path)


def test_missing_and_empty_folders_are_refused(modality, tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        modality.recognize(tmp_path / "gone")
    with pytest.raises(BadInput, match="empty"):
        modality.recognize(tmp_path)
    (tmp_path / "cats").mkdir()
    with pytest.raises(BadInput, match="only empty folders"):
        modality.recognize(tmp_path)


def test_data_of_other_kinds_is_left_to_others(modality, tmp_path, save):
    home = tmp_path / "apart" / "home"  # a table may name what lies beside its folder, such as another test's files
    home.mkdir(parents=True)
    (home / "table.csv").write_text("a,b\n1,2\n")
    save(home / "figures" / "plot.png")
    assert modality.recognize(home) is None
    assert modality.recognize(home / "table.csv") is None
    songs = home / "songs"
    for genre in ("folk", "jazz"):
        save(songs / genre / "cover.jpg")
        for number in range(9):
            (songs / genre / f"{number}.wav").write_bytes(b"RIFF0000WAVE")
    assert modality.recognize(songs) is None


def test_a_wrong_data_table_is_refused(modality, tmp_path):
    def task(**data):
        return Task(name="t", modality="image", targets=(TaskTarget(problem="classification"),), data=data)

    with pytest.raises(UnknownName, match="folder"):
        modality.scan(task(foldr="x"))
    with pytest.raises(BadInput, match="folder"):
        modality.scan(task())
    with pytest.raises(UnknownName, match="layout"):
        modality.scan(task(folder=str(tmp_path), layout="clases"))
    with pytest.raises(BadInput, match="no such folder"):
        modality.scan(task(folder=str(tmp_path / "gone")))


def test_fit_learns_the_median_short_side_and_how_long_images_are(modality, dataset):
    rows = modality.scan(modality.recognize(dataset).task).rows
    assert modality.fit(rows, modality.read).values == {"side": 48, "long": 1.333}
    assert modality.fit(rows.take([]), modality.read).values == {}


def test_folders_are_the_targets_of_whatever_problem_is_asked_for(modality, dataset):
    assert modality.recognize(dataset).task.problems == ("classification",)
    assert modality.recognize(dataset, Hints(problem="regression")).task.problems == ("regression",)


def test_a_competition_s_images_without_classes_and_files_beside_images_cost_no_row(modality, dataset, save):
    shutil.rmtree(dataset / "test")
    for number in range(9):
        save(dataset / "test" / f"{number}.jpg")
        (dataset / "train" / "ants" / f"{number}.pts").write_text("a landmark")
    (dataset / "train" / "ants" / "notes.pts").write_text("of no image")

    scan = modality.scan(modality.recognize(dataset).task)

    lost = [skip.ref for skip in scan.skipped if skip.lost]
    assert len(scan.rows) == 6 and len(scan.skipped) == 19
    assert set(lost) == {
        str(dataset / "train" / "ants" / name) for name in [*(f"{n}.pts" for n in range(3, 9)), "notes.pts"]
    }


def test_unlabeled_images_that_cannot_be_read_cost_no_row(modality, dataset):
    (dataset / "train" / "unlabeled").mkdir()
    (dataset / "train" / "unlabeled" / "1.jpg").write_bytes(b"\xff\xd8\xff no more")

    (skip,) = modality.scan(modality.recognize(dataset).task).skipped

    assert skip.ref.endswith("1.jpg") and not skip.lost

"""Images named by a table: classes, several labels per image, and numbers."""

import pytest

from autosft.api import Hints
from autosft_image.modality import ImageModality


@pytest.fixture
def modality():
    return ImageModality()


@pytest.fixture
def table(save, tmp_path):
    """Twelve pictures in a folder beside their table; the last row's picture is missing."""
    rows = ["image,species,seen,weight_g,red,round"]
    for number in range(12):
        save(tmp_path / "insects" / "images" / f"{number:03}.jpg", seed=number)
        species = "ant" if number % 2 else "bee"
        rows.append(f"{number:03},{species},{species}|{number % 3},{number / 7},{number % 2},{int(number > 4)}")
    path = tmp_path / "insects" / "table.csv"
    path.write_text("\n".join([*rows, "012,ant,ant|1,2.0,0,0"]) + "\n")
    return path


@pytest.mark.parametrize(
    "targets,problem,first",
    [
        (("species",), "classification", "bee"),
        (("seen",), "multilabel", ("0", "bee")),
        (("red", "round"), "multilabel", ()),
        (("weight_g",), "regression", 0.0),
    ],
)
def test_a_table_gives_classes_several_labels_or_numbers(targets, problem, first, modality, table):
    inferred = modality.recognize(table, Hints(targets=targets))
    assert inferred.task.problems == (problem,) and inferred.task.modality == "image"
    assert "paths of images in column 'image'" in inferred.why
    scan = modality.scan(inferred.task)
    assert len(scan.rows) == 12 and scan.rows.target(0)[0] == first
    assert [skip.ref for skip in scan.skipped] == ["table.csv:14"] and "missing" in scan.skipped[0].reason
    assert modality.read(scan.rows[0]).data.shape == (48, 64, 3)


def test_a_table_handed_to_a_predictor_names_its_images(modality, table):
    task = modality.recognize(table, Hints(targets=("species",))).task
    scan = modality.collect([table], task)
    assert len(scan.rows) == 12 and len(scan.skipped) == 1

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosft.api import BadInput, Task, TaskTarget, Unreadable
from autosft_image.modality import ImageModality

TASK = Task(name="any", modality="image", targets=(TaskTarget(problem="classification"),), data={})


@pytest.fixture
def modality():
    return ImageModality()


def test_inputs_of_every_kind_are_collected_in_order(modality, dataset, pixels):
    single = dataset / "train" / "ants" / "1.jpg"
    array = pixels()
    scan = modality.collect([str(single), dataset / "test", array, Image.fromarray(array), single], TASK)
    ids = list(scan.rows.id)
    assert ids[0] == str(single) and ids[1:7] == sorted(ids[1:7]) and ids[7:9] == ["input-2", "input-3"]
    assert ids[9] == f"{single} (2)"
    assert all(modality.read(row).data.shape == (48, 64, 3) for row in scan.rows)
    assert all(row.targets == () for row in scan.rows)


def test_inputs_that_cannot_be_decoded_are_skipped(modality, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    scan = modality.collect([tmp_path / "a.jpg"], TASK)
    assert not len(scan.rows) and scan.skipped[0].ref == str(tmp_path / "a.jpg")


def test_inputs_of_no_known_kind_are_refused(modality, tmp_path):
    for bad in (3, np.zeros((4, 4)), np.zeros((4, 4, 3)), None, b"bytes"):
        with pytest.raises(BadInput, match="Input 0"):
            modality.collect([bad], TASK)
    with pytest.raises(BadInput, match="no such file"):
        modality.collect([tmp_path / "gone.jpg"], TASK)
    with pytest.raises(BadInput, match="no images"):
        modality.collect([tmp_path], TASK)


def test_reading_a_vanished_file_names_the_row(modality, dataset):
    row = modality.scan(modality.recognize(dataset).task).rows[0]
    Path(row.ref).unlink()
    with pytest.raises(Unreadable, match=r"test/ants/0\.jpg"):
        modality.read(row)

"""Random changes of pictures: what is drawn lies within its limits, and no strength changes nothing."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torchvision import tv_tensors
from torchvision.transforms.v2 import InterpolationMode

from autosft_image.augmentation import CHANGES, MIDDLING, WIDE, Cutout, RandomCrop, _crop, change, random_mirror

SIZE = (107, 160)
ALWAYS = {"auto_contrast", "equalize"}
"""They have no strength."""


@pytest.fixture
def pixels():
    return torch.from_numpy(load_sample_image("china.jpg")[::4, ::4] // 2 + 30).permute(2, 0, 1)


@pytest.mark.parametrize("limits", [WIDE, MIDDLING], ids=["wide", "middling"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_no_strength_changes_nothing_and_one_of_full_strength_does(name, limits, pixels):
    assert name in ALWAYS or (change(name, pixels, SIZE, 0.0, 1, limits).int() - pixels.int()).abs().max() <= 1
    for sign in (1, -1):
        full = change(name, pixels, SIZE, 1.0, sign, limits)
        assert full.dtype == torch.uint8 and full.shape == pixels.shape
        assert torch.equal(full, pixels) == (name == "identity")


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y", "brightness"])
def test_what_has_two_directions_goes_in_both(name, pixels):
    one, other = (change(name, pixels, SIZE, 0.5, sign, WIDE) for sign in (1, -1))
    assert not torch.equal(one, other)


def test_crops_have_the_sizes_and_ratios_that_they_are_to_have():
    draw = np.random.default_rng(0)
    boxes = [_crop(200, 300, draw) for _ in range(500)]
    assert all(top >= 0 and left >= 0 and top + down <= 200 and left + wide <= 300 for top, left, down, wide in boxes)
    areas = np.array([down * wide / 60_000 for _, _, down, wide in boxes])
    ratios = np.array([wide / down for _, _, down, wide in boxes])
    assert 0.49 < areas.min() < 0.55 and areas.max() > 0.8
    assert 0.74 < ratios.min() < 0.8 and 1.25 < ratios.max() < 1.35
    assert len({top for top, _, _, _ in boxes}) > 20 and len({left for _, left, _, _ in boxes}) > 20


@pytest.mark.parametrize("size", [(10, 1000), (1000, 10), (1, 1)])
def test_of_a_long_picture_the_middle_is_seen_as_far_as_the_ratios_allow(size):
    top, left, down, wide = _crop(*size, np.random.default_rng(0))
    assert 0 < down <= size[0] and 0 < wide <= size[1]
    assert abs(2 * top + down - size[0]) <= 1 and abs(2 * left + wide - size[1]) <= 1


def test_a_crop_is_a_square_and_half_of_the_pictures_are_mirrored(pixels):
    draw = np.random.default_rng(0)
    assert RandomCrop(32, InterpolationMode.BILINEAR)(SIZE, draw)(pixels).shape == (3, 32, 32)
    mirrored = [not torch.equal(random_mirror(SIZE, draw)(pixels), pixels) for _ in range(200)]
    assert sum(mirrored) == pytest.approx(100, abs=30)


def test_a_square_of_up_to_half_the_shorter_side_is_filled_with_the_mean_color_and_nothing_else_changes(pixels):
    color, draw, areas = [0.2, 0.4, 0.6], np.random.default_rng(0), []
    for _ in range(300):
        cut = Cutout(color)(SIZE, draw)(pixels)
        changed = (cut != pixels).any(0)
        assert (torch.tensor([51, 102, 153]) == cut[:, changed].T).all()
        rows, columns = changed.any(1).sum(), changed.any(0).sum()
        assert max(rows, columns) <= 54, "half of 107, rounded"
        areas.append(int(rows * columns))
    assert min(areas) < 100 and max(areas) > 2000 and len(set(areas)) > 100


def test_boxes_stay_where_they_are_while_a_square_is_cut_out():
    box = tv_tensors.BoundingBoxes(torch.tensor([[40, 30, 90, 60]]), format="XYXY", canvas_size=SIZE)
    assert Cutout([0.5] * 3)(SIZE, np.random.default_rng(0))(box) is box

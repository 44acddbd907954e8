import copy
import itertools
import random

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from timm.data import create_transform
from torchvision import tv_tensors

from autosft.api import Example, Inputs, Recipe, State
from autosft_image.curated import BY_NAME, CURATED
from autosft_image.modality import RESOLUTIONS, ImageModality
from autosft_image.views import POLICIES

LITE = BY_NAME["tf_efficientnet_lite0.in1k"].inputs
FIXED = Inputs(kind="image", options={**LITE.options, "fixed": True})
PATCHES = BY_NAME["vit_small_patch14_dinov2.lvd142m"].inputs


def view(inputs=LITE, state=None, *, strength="none", **own):
    recipe = Recipe(backbone="b", strategy="s", own={"image": own})
    made = ImageModality().view(inputs, recipe, state or State(), strength=strength)
    return lambda sample, seed=0: made(Example(sample), np.random.default_rng(seed)).inputs


@pytest.fixture(params=["china.jpg", "flower.jpg"])
def photo(request):
    return load_sample_image(request.param)


@pytest.mark.parametrize(
    "name", ["tf_efficientnet_lite2.in1k", "resnet18.a1_in1k", "vit_base_patch32_clip_224.laion2b"]
)
def test_a_plain_view_equals_timms_own_to_a_gray_level(name, photo):
    options = BY_NAME[name].inputs.options
    timms = create_transform(
        tuple(options["size"]),
        is_training=False,
        interpolation=options["interpolation"],
        mean=options["mean"],
        std=options["std"],
        crop_pct=options["crop_pct"],
    )
    theirs, ours = timms(Image.fromarray(photo)), view(BY_NAME[name].inputs)(photo)
    assert ours.dtype == torch.float32 and ours.shape == theirs.shape and ours.is_contiguous()
    levels = (ours - theirs).abs() * torch.tensor(options["std"]).view(3, 1, 1) * 255
    assert levels.max() < 1.01 and levels.mean() < 0.05


@pytest.mark.parametrize("median,side", [(None, 224), (8, 64), (16, 64), (17, 96), (28, 128), (48, 192), (400, 224)])
def test_no_image_is_enlarged_more_than_fourfold(median, side, photo):
    state = State({"side": median} if median else {})
    assert view(state=state)(photo).shape == (3, side, side)
    assert view(state=state, strength="light")(photo).shape == (3, side, side)
    assert view(FIXED, state)(photo).shape == (3, 224, 224)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("strength", ["light", "strong"])
def test_random_views_draw_from_their_generator_alone(strength, policy, photo):
    seen = view(strength=strength, policy=policy)
    first = [seen(photo, seed) for seed in range(6)]
    for one in (random.seed, np.random.seed, torch.manual_seed):
        one(5)
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert all(torch.equal(one, seen(photo, seed)) for seed, one in enumerate(first))
    assert not torch.equal(first[0], first[1])
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == states


def test_a_plain_view_is_deterministic_and_leaves_the_sample_alone(photo):
    before = photo.copy()
    seen = view()
    assert torch.equal(seen(photo), seen(photo)) and np.array_equal(photo, before)


def test_a_strong_view_changes_an_image_as_its_policy_says(photo):
    changed = ({"strength": "strong", "policy": policy} for policy in POLICIES)
    shown = [[view(**own)(photo, seed) for seed in range(8)] for own in ({"strength": "light"}, *changed)]
    for one, other in itertools.combinations(shown, 2):
        assert sum(torch.equal(*pair) for pair in zip(one, other, strict=True)) <= 2, "hardly ever nothing changes"


def test_pictures_can_be_mixed_in_both_ways():
    assert ImageModality().mixes(LITE) == {"mixup", "cutmix"}


@pytest.mark.parametrize(
    "strength, mode, ends", [("none", "squash", True), ("none", "center", False), ("light", "squash", True)]
)
def test_of_a_squashed_image_the_ends_are_seen(strength, mode, ends):
    long = np.zeros((100, 400, 3), np.uint8)
    long[:, :30] = long[:, 370:] = 255
    shown = [view(strength=strength, crop_mode=mode)(long, seed) for seed in range(20)]

    assert all(pixels.shape == (3, 224, 224) for pixels in shown)
    columns = torch.stack([pixels[0].mean(0) > 0 for pixels in shown])
    assert not columns[:, 112].any()
    assert bool(columns[:, 2].any()) == bool(columns[:, -3].any()) == ends


@pytest.mark.parametrize("long, options", [(1.5, None), (2.4, ("squash", "center"))])
def test_how_images_become_square_is_searched_where_many_are_long(long, options):
    space = ImageModality().space_for(LITE, State({"side": 300, "long": long}))

    assert (space["crop_mode"].options if "crop_mode" in space else None) == options
    assert "resolution" in space


def test_flips_can_be_turned_off():
    left = np.zeros((64, 64, 3), np.uint8)
    left[:, :32] = 255
    for flip, expected in ((True, {True, False}), (False, {True})):
        shown = view(state=State({"side": 16}), strength="light", flip=flip)
        seen = [shown(left, seed) for seed in range(40)]
        brighter = {bool(x[..., :32].mean() > x[..., 32:].mean()) for x in seen if x.std() > 0.1}
        assert brighter == expected


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 7), (384, 9000)])
def test_extreme_shapes_are_viewed(shape):
    sample = np.full((*shape, 3), 7, np.uint8)
    for strength in ("none", "light", "strong"):
        assert view(strength=strength)(sample).shape == (3, 224, 224)


def test_read_only_samples_are_viewed(photo):
    photo = photo.copy()
    photo.setflags(write=False)
    assert view()(photo).shape == (3, 224, 224)


def test_views_can_be_copied(photo):
    for strength in ("none", "light", "strong"):
        made = ImageModality().view(LITE, Recipe(backbone="b", strategy="s"), State(), strength=strength)
        seen = copy.deepcopy(made)(Example(photo), np.random.default_rng(0))
        assert seen.inputs.shape == (3, 224, 224)


def test_samples_are_stacked(photo):
    sample = view()(photo)
    assert ImageModality().collate([sample, sample]).shape == (2, 3, 224, 224)


@pytest.mark.parametrize("inputs, sides", [(LITE, (224, 160, 128)), (PATCHES, (224, 154, 112))])
def test_a_lower_resolution_costs_its_fraction_of_pixels(inputs, sides, photo):
    for fraction, side in zip(RESOLUTIONS, sides, strict=True):
        recipe = Recipe(backbone="b", strategy="s", own={"image": {"resolution": fraction}})
        assert view(inputs, resolution=fraction)(photo).shape == (3, side, side)
        assert view(inputs, resolution=fraction, strength="light")(photo).shape == (3, side, side)
        assert ImageModality().relative_cost(inputs, recipe, State()) == pytest.approx((side / 224) ** 2)


def test_an_encoder_of_one_size_has_no_choice_of_resolution(photo):
    recipe = Recipe(backbone="b", strategy="s", own={"image": {"resolution": 0.5}})

    assert "resolution" in ImageModality().space_for(LITE, State())
    assert not ImageModality().space_for(FIXED, State())
    assert ImageModality().relative_cost(FIXED, recipe, State()) == 1.0
    assert view(FIXED, resolution=0.5)(photo).shape == (3, 224, 224)


@pytest.mark.parametrize("inputs", [info.inputs for info in CURATED], ids=[info.name for info in CURATED])
def test_there_is_a_choice_of_resolution_only_where_each_gives_another_size(inputs, photo):
    modality, chosen = ImageModality(), set()
    for median in (8, 16, 20, 24, 28, 40, 48, 64, 400):
        state = State({"side": median})
        sides = [view(inputs, state, resolution=fraction)(photo).shape[-1] for fraction in RESOLUTIONS]
        step = inputs.options.get("step", 32)
        assert sides == sorted(sides, reverse=True) and (sides[0] % step == 0 or sides[0] == inputs.options["size"][-1])
        choice = "resolution" in modality.space_for(inputs, state)
        assert choice == (len(set(sides)) == len(sides))
        chosen.add((median, choice))
    assert {(8, False), (400, True)} <= chosen


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
@pytest.mark.parametrize(
    "strength, policy", [("none", ""), ("light", ""), *(("strong", policy) for policy in POLICIES)]
)
def test_boxes_move_with_what_they_surround(strength, policy, crop_mode):
    """A bright rectangle in the dark; however it is seen, the box lies around it, as far as it is seen."""
    sample = np.zeros((90, 120, 3), np.uint8)
    sample[30:60, 40:90] = 255
    box = tv_tensors.BoundingBoxes(torch.tensor([[40, 30, 90, 60]]), format="XYXY", canvas_size=(90, 120))
    own = {"crop_mode": crop_mode, "policy": policy or next(iter(POLICIES))}
    black = Inputs(kind=LITE.kind, options={**LITE.options, "mean": (0.0, 0.0, 0.0)})  # so is what is cut out
    made = ImageModality().view(
        black, Recipe(backbone="b", strategy="s", own={"image": own}), State(), strength=strength
    )
    looked = 0
    for seed in range(12):
        seen = made(Example(sample, ("label", box)), np.random.default_rng(seed))
        label, (found,) = seen.targets
        levels = seen.inputs[0] - seen.inputs[0].min()
        assert label == "label"
        if levels.max() < 1:  # a change of colors may hide it
            continue
        bright = (levels > levels.max() / 2).nonzero()
        left, top, right, bottom = found.tolist()
        inside = (bright[:, 0] >= top - 2) & (bright[:, 0] <= bottom + 2)
        inside &= (bright[:, 1] >= left - 2) & (bright[:, 1] <= right + 2)
        solarized = strength == "strong" and len(bright) > levels.numel() / 2  # what is dark becomes bright
        assert solarized or inside.float().mean() > 0.98, (seed, found)
        looked += 1
    assert looked >= 8

import numpy as np
import pytest
import torch

from autosft.api import Example, Inputs, Recipe, State
from autosft_audio.modality import AudioModality
from autosft_audio.reading import RATE

RECIPE = Recipe(backbone="b", strategy="s")
WAVES = Inputs(kind="waveform", options={"seconds": 1.0, "step": 1600})
PICTURES = Inputs(kind="image", options={"size": [3, 224, 224], "mean": [0.5] * 3, "std": [0.5] * 3})
DRAW = np.random.default_rng(0)
STATE = State({"seconds": 0.5, "rate": RATE})


def view(inputs, strength="none", state=STATE):
    made = AudioModality().view(inputs, RECIPE, state, strength=strength)
    return lambda wave, seed=0: made(Example(wave), np.random.default_rng(seed)).inputs


@pytest.mark.parametrize("strength", ["none", "light", "strong"])
@pytest.mark.parametrize("samples", [1, 399, 8000, 40_000])
def test_views_of_any_length_are_finite_and_of_the_right_shape(strength, samples, tone):
    wave = tone(seconds=samples / RATE)
    seen = view(WAVES, strength)(wave)
    assert seen.dtype == torch.float32 and seen.shape == (min(RATE, -(-samples // 1600) * 1600),)
    picture = view(PICTURES, strength)(wave)
    assert picture.dtype == torch.float32 and picture.shape == (3, 128, 128)
    assert seen.isfinite().all() and picture.isfinite().all()


def test_views_without_changes_are_deterministic_and_leave_the_sample_alone(tone):
    wave = tone(seconds=2.0)
    before = wave.copy()
    for inputs in (WAVES, PICTURES):
        assert torch.equal(view(inputs)(wave), view(inputs)(wave))
        view(inputs, "strong")(wave)
    assert np.array_equal(wave, before)
    assert np.array_equal(view(WAVES)(wave).numpy(), wave[8000:24_000])


@pytest.mark.parametrize("inputs", [WAVES, PICTURES])
@pytest.mark.parametrize("strength", ["light", "strong"])
def test_training_views_draw_from_their_generator_alone(inputs, strength, tone):
    wave, change = tone(), view(inputs, strength)
    first, second = change(wave, 1), change(wave, 2)
    torch.manual_seed(1)
    np.random.seed(0)
    assert torch.equal(change(wave, 1), first) and not torch.equal(first, second)


def test_strong_views_differ_more_than_weak_ones(tone):
    wave = tone()
    plain = view(PICTURES)(wave)
    light, strong = (
        np.mean([float((view(PICTURES, strength)(wave, seed) - plain).abs().mean()) for seed in range(20)])
        for strength in ("light", "strong")
    )
    assert 0 < light < strong


def test_silence_is_black_and_stays_silent():
    silence = np.zeros(8000, np.float32)
    assert torch.equal(view(PICTURES)(silence), torch.full((3, 128, 128), -1.0))
    assert not view(WAVES, "strong")(silence).any()


def test_a_higher_tone_lies_in_another_band_and_a_later_one_further_right(tone):
    low, high = (view(PICTURES)(tone(hertz))[0].mean(1).argmax() for hertz in (300.0, 3000.0))
    assert low < high
    late = np.concatenate([np.zeros(4000, np.float32), tone(seconds=0.25)])
    assert view(PICTURES)(late)[0].mean(0).argmax() > 64


def test_a_picture_shows_no_band_above_what_was_recorded(tone):
    narrow, wide = (
        view(PICTURES, state=State({"seconds": 0.5, "rate": rate}))(tone(2000.0))[0].mean(1).argmax()
        for rate in (8_000, 44_100)
    )
    assert wide < narrow


@pytest.mark.parametrize("seconds,width", [(0.2, 128), (2.0, 224), (10.0, 256)])
def test_pictures_grow_with_the_clips_within_limits(seconds, width, tone):
    assert view(PICTURES, state=State({"seconds": seconds, "rate": RATE}))(tone()).shape == (3, 128, width)


def test_at_half_the_resolution_a_quarter_of_the_pixels_is_seen(tone):
    modality, half = AudioModality(), Recipe(backbone="b", strategy="s", own={"audio": {"resolution": 0.5}})
    state = State({"seconds": 3.0, "rate": RATE})
    assert modality.view(PICTURES, half, state, strength="none")(Example(tone()), DRAW).inputs.shape == (3, 64, 128)
    assert (
        modality.relative_cost(PICTURES, half, state) == 0.25 and modality.relative_cost(PICTURES, RECIPE, state) == 1.0
    )
    assert modality.space_for(PICTURES, state) == modality.space
    fixed = Inputs(kind="image", options={**PICTURES.options, "fixed": True})
    assert modality.view(fixed, half, state, strength="none")(Example(tone()), DRAW).inputs.shape == (3, 224, 224)
    for inputs in (fixed, WAVES):
        assert modality.space_for(inputs, state) == {} and modality.relative_cost(inputs, half, state) == 1.0


@pytest.mark.parametrize("fraction", [1.0, 0.5])
def test_pictures_consist_of_whole_patches_where_an_encoder_asks_for_it(fraction, tone):
    inputs = Inputs(kind="image", options={**PICTURES.options, "step": 14, "least": 112})
    recipe = Recipe(backbone="b", strategy="s", own={"audio": {"resolution": fraction}})
    picture = (
        AudioModality()
        .view(inputs, recipe, State({"seconds": 3.0, "rate": RATE}), strength="none")(Example(tone()), DRAW)
        .inputs
    )
    assert picture.shape == ((3, 126, 252) if fraction == 1.0 else (3, 112, 126))


def test_encoders_of_one_size_get_it_and_their_own_normalization(tone):
    options = {"size": [3, 96, 64], "fixed": True, "mean": [0.0, 0.5, 0.0], "std": [1.0, 0.25, 1.0]}
    picture = view(Inputs(kind="image", options=options))(tone())
    assert picture.shape == (3, 96, 64)
    assert torch.allclose(picture[1], (picture[0] - 0.5) / 0.25) and torch.equal(picture[0], picture[2])
    assert float(picture[0].min()) >= 0.0 and float(picture[0].max()) <= 1.0


def test_pictures_are_stacked_and_waves_are_not_padded(tone):
    modality = AudioModality()
    assert modality.collate([torch.zeros(3, 4, 5)] * 2).shape == (2, 3, 4, 5)
    waves = modality.collate([torch.zeros(3), torch.zeros(5)])
    assert [len(wave) for wave in waves] == [3, 5]

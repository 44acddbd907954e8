import os
import random

import numpy as np
import pytest
import soundfile

from autosft.api import Unreadable
from autosft_audio.reading import inspect, read_wave, starts_like_sound


def refused(path, match):
    with pytest.raises(Unreadable, match=match) as caught:
        inspect(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "aiff", "au", "caf", "w64"])
def test_truncated_files_are_unreadable(ending, tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * 16_000)
    whole, cut = tmp_path / f"whole.{ending}", tmp_path / f"cut.{ending}"
    soundfile.write(whole, noise, 16_000)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert inspect(str(whole))["milliseconds"] == 3000
    refused(cut, "cut off|cannot be decoded|no samples")


def test_an_ogg_stream_may_end_anywhere(tmp_path):
    soundfile.write(tmp_path / "whole.ogg", np.random.default_rng(0).uniform(-0.5, 0.5, 3 * 16_000), 16_000)
    content = (tmp_path / "whole.ogg").read_bytes()
    (tmp_path / "cut.ogg").write_bytes(content[: len(content) * 2 // 3])
    assert 0 < inspect(str(tmp_path / "cut.ogg"))["milliseconds"] < 3000


def test_a_header_written_before_the_end_was_known_is_no_damage(save, tmp_path):
    content = bytearray(save(tmp_path / "a.wav").read_bytes())
    for place in (4, 40):  # the sizes of the file and of its samples
        content[place : place + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "piped.wav").write_bytes(content)
    assert len(read_wave(inspect(str(tmp_path / "piped.wav")))) == 8000


@pytest.mark.parametrize(
    "content,match",
    [
        (b"", "the file is empty"),
        (b"these are words, not samples", "not recogni"),
        (b"RIFF0000WAVE", "cannot be decoded"),
    ],
)
def test_what_is_no_sound_says_so(content, match, tmp_path):
    (tmp_path / "a.wav").write_bytes(content)
    refused(tmp_path / "a.wav", match)


def test_sounds_without_samples_and_with_wrong_ones_are_unreadable(tmp_path):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16_000)
    refused(tmp_path / "none.wav", "no samples")
    for name, wrong in (("nan", np.nan), ("inf", np.inf)):
        soundfile.write(tmp_path / f"{name}.wav", np.array([0.0, wrong, 0.5]), 16_000, subtype="FLOAT")
        refused(tmp_path / f"{name}.wav", "no numbers")


def test_rates_that_hold_no_sound_are_unreadable(tmp_path, tone):
    soundfile.write(tmp_path / "slow.wav", tone(), 1)
    refused(tmp_path / "slow.wav", "a rate of 1 Hz; give 1,000 to 768,000 Hz")
    with pytest.raises(Unreadable, match="a rate of 1 Hz"):
        read_wave({"wave": tone(), "rate": 1})


def test_missing_files_folders_and_pipes_are_unreadable(tmp_path):
    refused(tmp_path / "gone.wav", "missing")
    refused(tmp_path, "ordinary")
    os.mkfifo(tmp_path / "pipe.wav")
    refused(tmp_path / "pipe.wav", "ordinary")


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64"])
def test_whatever_is_in_a_file_it_is_a_finite_wave_or_unreadable(ending, save, tmp_path):
    path = save(tmp_path / f"a.{ending}", **({"subtype": "PCM_16"} if ending == "caf" else {}))
    whole, draw = path.read_bytes(), random.Random(0)
    for _ in range(40):
        content = bytearray(whole[: draw.randrange(len(whole))] if draw.random() < 0.3 else whole)
        for _ in range(draw.randint(0, 6)):
            if content:
                content[draw.randrange(min(len(content), 200))] = draw.randrange(256)
        path.write_bytes(content)
        try:
            wave = read_wave(inspect(str(path)))
        except Unreadable as error:
            assert "\n" not in str(error)
        else:
            assert len(wave) and np.isfinite(wave).all()


def test_a_wrong_ending_matters_not(save, tmp_path):
    flac = save(tmp_path / "a.flac")
    flac.rename(tmp_path / "a.wav")
    assert inspect(str(tmp_path / "a.wav"))["milliseconds"] == 500


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64"])
def test_sounds_are_known_by_their_first_bytes(ending, save, tmp_path):
    path = save(tmp_path / f"a.{ending}", **({"subtype": "PCM_16"} if ending == "caf" else {}))
    assert starts_like_sound(str(path))
    (tmp_path / "words").write_text("words")
    assert not starts_like_sound(str(tmp_path / "words")) and not starts_like_sound(str(tmp_path / "gone"))

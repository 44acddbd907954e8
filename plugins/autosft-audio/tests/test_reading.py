import struct

import numpy as np
import pytest
import soundfile

from autosft_audio.reading import MOST_SECONDS, RATE, inspect, read_wave


def pitch(wave, rate=RATE):
    """The loudest frequency."""
    return np.abs(np.fft.rfft(wave)).argmax() * rate / len(wave)


@pytest.mark.parametrize(
    "ending,options",
    [
        ("wav", {}),
        ("wav", {"subtype": "PCM_24"}),
        ("wav", {"subtype": "ULAW"}),
        ("flac", {}),
        ("ogg", {}),
        ("opus", {"format": "OGG", "subtype": "OPUS"}),
        ("mp3", {}),
        ("aiff", {}),
    ],
)
def test_files_of_all_formats_are_one_channel_at_one_rate(ending, options, save, tmp_path):
    found = inspect(str(save(tmp_path / f"a.{ending}", rate=48_000, **options)))
    wave = read_wave(found)
    assert (wave.dtype, wave.ndim, wave.flags["C_CONTIGUOUS"]) == (np.float32, 1, True)
    assert abs(len(wave) - RATE / 2) < 500 and abs(pitch(wave) - 440) < 5
    assert (found["milliseconds"], found["rate"]) == (500, 48_000)


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 16_001, 22_050, 44_100, 768_000])
def test_resampling_keeps_pitch_level_and_length(rate, save, tmp_path):
    wave = read_wave(inspect(str(save(tmp_path / "a.wav", rate=rate))))
    assert abs(len(wave) - RATE / 2) <= 1 + RATE / rate
    assert abs(pitch(wave) - 440) < 5 and abs(np.sqrt(np.mean(wave**2)) - 0.3 / np.sqrt(2)) < 0.01


def test_channels_are_mixed_down(tone, tmp_path):
    wave = tone()
    soundfile.write(tmp_path / "a.wav", np.stack([wave, np.zeros_like(wave)], axis=1), RATE, subtype="FLOAT")
    assert np.allclose(read_wave(inspect(str(tmp_path / "a.wav"))), wave / 2, atol=1e-6)


def test_thirty_two_channels_are_mixed_down_too(tone, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.tile(tone()[:, None], 32), RATE, subtype="FLOAT")
    assert np.allclose(read_wave(inspect(str(tmp_path / "a.wav"))), tone(), atol=1e-6)


def test_of_a_long_file_the_middle_is_read(save, tmp_path):
    soundfile.write(tmp_path / "long.wav", np.linspace(-1, 1, 40 * 8000), 8000)
    found = inspect(str(tmp_path / "long.wav"))
    wave = read_wave(found)
    assert found["milliseconds"] == 40_000 and len(wave) == MOST_SECONDS * RATE
    assert abs(wave.mean()) < 1e-3 and abs(wave[len(wave) // 4] + 0.375) < 1e-2


def test_ten_hours_are_not_read_whole(tmp_path):
    size, rate = 10 * 3600 * 16_000 * 2, 16_000
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", size
    )
    path = tmp_path / "day.wav"
    path.write_bytes(header)
    with path.open("r+b") as stream:
        stream.truncate(len(header) + size)  # a hole in the file takes no room
    found = inspect(str(path))
    assert found["milliseconds"] == 36_000_000 and read_wave(found).nbytes == 4 * MOST_SECONDS * RATE


def test_arrays_of_integers_and_channels_are_waves(tone):
    wave = tone()
    whole = (wave * 32768).astype(np.int16)
    for given in (wave, whole, whole.astype(np.int32) * 65536, np.stack([wave, wave], axis=1), wave.astype(np.float64)):
        assert np.allclose(read_wave({"wave": given, "rate": RATE}), wave, atol=1e-3)
    shifted = ((wave + 1) * 128).clip(0, 255).astype(np.uint8)
    assert np.allclose(read_wave({"wave": shifted, "rate": RATE}), wave, atol=0.01)

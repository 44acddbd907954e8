import numpy as np
import pytest
from transformers.audio_utils import mel_filter_bank

from autosft_audio.mel import log_mel, mel_filters


@pytest.mark.parametrize(
    "scale,theirs",
    [
        ("slaney", {"norm": "slaney", "mel_scale": "slaney"}),
        ("kaldi", {"norm": None, "mel_scale": "kaldi", "triangularize_in_mel_space": True}),
    ],
)
def test_filters_are_those_of_transformers(scale, theirs):
    ours = mel_filters(80, 512, 16_000, 20.0, 8000.0, scale)
    assert np.allclose(ours, mel_filter_bank(257, 80, 20.0, 8000.0, 16_000, **theirs), atol=1e-6)


def test_a_full_sine_has_about_thirty_decibels_and_silence_has_the_floor():
    filters = mel_filters(64, 512, 16_000, 0.0, 8000.0, "slaney")
    sine = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    assert log_mel(sine, filters, 160).shape == (64, 101) and log_mel(sine, filters, 160).dtype == np.float32
    assert 20 < log_mel(sine, filters, 160).max() < 40
    assert np.allclose(log_mel(sine * 0, filters, 160), -120)

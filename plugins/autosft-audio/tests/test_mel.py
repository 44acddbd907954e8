import numpy as np

from autosft_audio.mel import log_mel, mel_filters


def test_filters_have_the_height_and_the_place_of_their_convention():
    hertz = np.arange(257) * 16_000 / 512
    slaney = mel_filters(40, 512, 16_000, 0.0, 8000.0, "slaney")
    kaldi = mel_filters(80, 512, 16_000, 20.0, 8000.0, "kaldi")
    assert slaney.shape == (257, 40) and kaldi.shape == (257, 80) and slaney.dtype == kaldi.dtype == np.float32
    assert np.allclose(slaney[:, 20:].sum(0) * 16_000 / 512, 1.0, atol=0.03)  # an area of 1
    assert 0.9 < kaldi[:, 40:].max() <= 1.0
    middle = 700 * np.expm1(np.linspace(*(1127 * np.log1p(np.array([20.0, 8000.0]) / 700)), 82)[1:-1] / 1127)
    assert np.abs(hertz[kaldi.argmax(0)] - middle)[10:].max() <= 16_000 / 512  # evenly over mels


def test_filters_narrower_than_the_spectrum_are_silent_and_say_nothing():
    filters = mel_filters(128, 1024, 16_000, 20.0, 500.0, "slaney")
    assert (filters.max(0) == 0).any() and np.isfinite(filters).all()


def test_a_full_sine_has_about_thirty_decibels_and_silence_has_the_floor():
    filters = mel_filters(64, 512, 16_000, 0.0, 8000.0, "slaney")
    sine = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    assert log_mel(sine, filters, 160).shape == (64, 101) and log_mel(sine, filters, 160).dtype == np.float32
    assert 20 < log_mel(sine, filters, 160).max() < 40
    assert np.allclose(log_mel(sine * 0, filters, 160), -120)

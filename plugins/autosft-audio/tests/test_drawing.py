"""What a report shows of a sound is where it is loud."""

import io

import numpy as np
import pytest
from PIL import Image

from autosft_audio.drawing import HEIGHT, WIDTH, waveform


def ink(samples):
    """Whether a pixel is inked, shape (HEIGHT, WIDTH)."""
    image = Image.open(io.BytesIO(waveform(np.asarray(samples, dtype=np.float32))))
    assert image.format == "JPEG" and image.size == (WIDTH, HEIGHT)
    return np.asarray(image.convert("L")) < 160


def test_a_sound_stands_where_it_is_loud_and_as_high_as_it_is_loud(tone):
    loud = tone(seconds=1.0)
    heights = ink(np.concatenate([0 * loud, loud, 0.5 * loud])).sum(0)
    third = WIDTH // 3
    silent, whole, half = (heights[start * third + 8 : (start + 1) * third - 8] for start in range(3))

    assert silent.max() <= 3
    assert whole.min() > 0.8 * HEIGHT
    assert half.min() > 0.35 * HEIGHT
    assert half.max() < 0.65 * HEIGHT


@pytest.mark.parametrize("samples", [[0.0], [1.0, -1.0], np.zeros(16_000)])
def test_a_click_and_silence_can_be_drawn(samples):
    assert ink(samples).any()

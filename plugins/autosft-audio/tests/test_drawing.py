"""What a report shows of a sound is where it is loud."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from autosft_audio.drawing import HEIGHT, WIDTH, waveform


def heights(samples):
    """How high each stroke is, in pixels."""
    drawing = ElementTree.fromstring(waveform(np.asarray(samples, dtype=np.float32)))
    assert (drawing.get("width"), drawing.get("height")) == (str(WIDTH), str(HEIGHT))
    path = drawing.find("{http://www.w3.org/2000/svg}path").get("d")
    strokes = re.findall(r"M(\d+)\.5 (-?[\d.]+)V(-?[\d.]+)", path)
    assert [int(place) for place, _, _ in strokes] == list(range(WIDTH))
    return np.array([float(low) - float(high) for _, high, low in strokes])


def test_a_sound_stands_where_it_is_loud_and_as_high_as_it_is_loud(tone):
    loud = tone(seconds=1.0)
    third = WIDTH // 3
    found = heights(np.concatenate([0 * loud, loud, 0.5 * loud]))
    silent, whole, half = (found[start * third + 2 : (start + 1) * third - 2] for start in range(3))

    assert silent.max() <= 1
    assert whole.min() > 0.8 * HEIGHT
    assert half.min() > 0.4 * HEIGHT
    assert half.max() < 0.6 * HEIGHT


@pytest.mark.parametrize("samples", [[0.0], [1.0, -1.0], np.zeros(16_000)])
def test_a_click_and_silence_can_be_drawn(samples):
    assert heights(samples).min() > 0.5

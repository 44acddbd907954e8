"""Views of waves: from a decoded wave to what an encoder of waves takes, and what may happen to a wave on the way.

Everything random is drawn from the generator that a view is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from autosft.api import Example, Inputs, Strength
from autosft_audio.reading import RATE, Wave


@dataclass(frozen=True)
class Changes:
    """What a training view may do to a wave.

    Attributes:
        gain: It becomes louder or quieter by at most so many decibels.
        shift: It moves in time by at most this fraction of its length; silence follows.
        quiet, loud: The ratio of the wave's power to that of added white noise, from and to, in decibels.
        masks: So many stretches of it, each of at most `masked` of its length, become silent, as in SpecAugment (Park
            et al., 2019).
        masked: See `masks`.
    """

    gain: float
    shift: float
    quiet: float
    loud: float
    masks: int = 0
    masked: float = 0.1


CHANGES: dict[Strength, Changes] = {
    "light": Changes(gain=6.0, shift=0.1, quiet=50.0, loud=20.0),
    "strong": Changes(gain=12.0, shift=0.2, quiet=40.0, loud=5.0, masks=2),
}


def wave_view(inputs: Inputs, strength: Strength) -> WaveView:
    """The view of one strength for an encoder whose options are `seconds`, the most that it takes, and `step`: lengths
    are rounded up to multiples of so many samples."""
    seconds, step = float(inputs.options["seconds"]), int(inputs.options["step"])
    return WaveView(round(seconds * RATE), step, CHANGES.get(strength))


@final
class WaveView:
    """At most `most` samples of a wave: the middle, or somewhere if there are changes."""

    def __init__(self, most: int, step: int, changes: Changes | None) -> None:
        self._most, self._step, self._changes = most, step, changes

    def __call__(self, example: Example, generator: np.random.Generator) -> Example:
        """From shape (samples,) to float32 of a shape (samples,) that is a multiple of the step."""
        import torch

        sample: Wave = example.inputs
        if self._changes:
            wave = changed(window(sample, self._most, position=generator.random()), self._changes, generator)
        else:
            wave = window(sample, self._most)
        return replace(example, inputs=torch.from_numpy(np.pad(wave, (0, -len(wave) % self._step))))


def window(wave: Wave, length: int, *, position: float = 0.5) -> Wave:
    """At most `length` samples of a wave; of what is left over, the fraction `position` lies before them."""
    start = round(max(0, len(wave) - length) * position)
    return wave[start : start + length]


def changed(wave: Wave, changes: Changes, generator: np.random.Generator) -> Wave:
    """A changed copy of a wave, of the same length."""
    uniform = generator.uniform
    wave = _shifted(wave, round(uniform(-changes.shift, changes.shift) * len(wave)))
    power = float(np.mean(np.square(wave, dtype=np.float64)))
    noise = generator.standard_normal(len(wave)) * (power / 10 ** (uniform(changes.loud, changes.quiet) / 10)) ** 0.5
    wave = ((wave + noise) * 10 ** (uniform(-changes.gain, changes.gain) / 20)).astype(np.float32)
    for _ in range(changes.masks):
        length = round(uniform(0.0, changes.masked) * len(wave))
        start = round(uniform(0.0, 1.0) * (len(wave) - length))
        wave[start : start + length] = 0.0
    return wave


def _shifted(wave: Wave, by: int) -> Wave:
    moved = np.zeros_like(wave)
    if by >= 0:
        moved[by:] = wave[: len(wave) - by]
    else:
        moved[:by] = wave[-by:]
    return moved

"""`AudioModality`: sounds in folders by class, or named by a table. Knows no backbone and no problem."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from autosft.api import (
    Choice,
    Hints,
    InferredTask,
    Inputs,
    Mix,
    Modality,
    Preview,
    Read,
    Recipe,
    Row,
    Rows,
    Scan,
    Space,
    State,
    Strength,
    Task,
    Unreadable,
    View,
)
from autosft.api.inputs import collect_files, recognize_files, scan_files
from autosft_audio.drawing import waveform
from autosft_audio.files import SOUNDS
from autosft_audio.pictures import PictureView, picture_size
from autosft_audio.reading import MOST_SECONDS, RATE, Wave, read_wave
from autosft_audio.views import wave_view

if TYPE_CHECKING:
    from torch import Tensor

RESOLUTIONS = (1.0, 0.5)
"""Fractions of a picture's full sides."""

_MOST_SHOWN = 10.0
"""Seconds of sound in a picture, at most."""

_MOST_LENGTHS = 0.95
"""A picture is as long as this fraction of the training clips at most; longer ones are cut."""


@final
class AudioModality(Modality):
    """Sounds: WAV, FLAC, Ogg, Opus, MP3, AIFF, AU, CAF. One channel at 16 kHz, of a long file the middle 30 seconds.

    An encoder of waves is fed `Inputs(kind="waveform", options=…)`. What it gets is a list with a float32 tensor of
    shape (samples,) per row, at a rate of 16,000 Hz: other rates are converted, and there is no option for it. The
    options:

    - `seconds`: the most that it takes; of longer sounds the middle is shown. Needed.
    - `step`: lengths are rounded up with silence to multiples of so many samples; 1 leaves them as they are. Needed.

    An encoder of images is fed `Inputs(kind="image", options=…)`. What it gets is a log-mel spectrogram as a picture,
    float32, shape (rows, 3, height, width). The options:

    - `mean`, `std`: mean and standard deviation of each of the three channels, on a scale from 0 to 1. Needed.
    - `fixed`: true if the encoder takes one size alone; false by default.
    - `size`: channels, height and width in pixels. Needed if `fixed`.
    - `step`: unless `fixed`, height and width are multiples of so many pixels; 32 by default.
    - `least`: unless `fixed`, neither is smaller than so many pixels; 0 by default.
    """

    name = "audio"
    kinds = frozenset({"image", "waveform"})
    space: ClassVar[Space] = {
        "resolution": Choice(RESOLUTIONS, doc="sides of the spectrogram, as a fraction of the usual ones")
    }

    def space_for(self, inputs: Inputs, state: State) -> Space:
        """A choice of resolution for pictures, where the encoder takes more than one size."""
        if inputs.kind != "image":
            return {}
        sizes = {self._pixels(inputs, float(fraction), state) for fraction in RESOLUTIONS}
        return self.space if len(sizes) == len(RESOLUTIONS) else {}

    def relative_cost(self, inputs: Inputs, recipe: Recipe, state: State) -> float:
        """The number of pixels, as a fraction of those at full resolution."""
        if inputs.kind != "image":
            return 1.0
        return self._pixels(inputs, self._resolution(recipe), state) / self._pixels(inputs, 1.0, state)

    def _pixels(self, inputs: Inputs, fraction: float, state: State) -> int:
        height, width = picture_size(inputs, state, fraction)
        return height * width

    def recognize(self, path: Path, hints: Hints = Hints()) -> InferredTask | None:
        """Recognize a table with a column of paths, or a folder with a subfolder of sounds per class."""
        return recognize_files(path, SOUNDS, self.name, hints)

    def scan(self, task: Task) -> Scan:
        """Decode every file once and list those that can be read."""
        return scan_files(task, SOUNDS)

    def collect(self, inputs: Sequence[Any], task: Task) -> Scan:
        """Paths of sounds, of tables that name some, folders of sounds (all below, sorted), or pairs of an array, shape
        (samples,) or (samples, channels), and its rate in hertz; a single pair may stand alone."""
        if len(inputs) == 2 and _pair_of(tuple(inputs)):
            inputs = [tuple(inputs)]
        wanted = "a path, or a pair of an array of shape (samples,) or (samples, channels) and its rate in hertz"
        return collect_files(inputs, task, SOUNDS, take=_pair_of, wanted=wanted)

    def read(self, row: Row) -> Wave:
        """One channel at 16 kHz, float32, shape (samples,); of a longer file the middle 30 seconds."""
        try:
            return read_wave(row.ref)
        except Unreadable as error:
            raise Unreadable(f"{row.id}: {error}") from error

    def preview(self, row: Row) -> Preview:
        """The waveform, and the name of the file with its length."""
        text = f"{Path(row.ref['path']).name}, {row.ref['milliseconds'] / 1000:.1f} s"
        return Preview(text, waveform(self.read(row)))

    def digest(self, row: Row) -> str:
        """Of the file's bytes; empty if the file cannot be read."""
        try:
            with Path(row.ref["path"]).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except (KeyError, OSError):
            return ""

    def version(self) -> str:
        """Those of soundfile and SciPy, and its own."""
        return f"{metadata.version('soundfile')} {metadata.version('scipy')} 1"

    def length(self, row: Row) -> int:
        """Milliseconds that are decoded."""
        return min(row.ref["milliseconds"], round(1000 * MOST_SECONDS))

    def fit(self, rows: Rows, read: Read) -> State:
        """How many seconds a picture shows, and the median rate of the recordings in hertz."""
        seconds = np.quantile([row.ref["milliseconds"] / 1000 for row in rows], _MOST_LENGTHS) if len(rows) else 1.0
        rate = np.median([row.ref["rate"] for row in rows]) if len(rows) else RATE
        return State({"seconds": round(min(float(seconds), _MOST_SHOWN), 3), "rate": int(rate)})

    def mixes(self, inputs: Inputs) -> frozenset[Mix]:
        """Pictures by their means; waves, which differ in length, not at all."""
        return frozenset({"mixup"}) if inputs.kind == "image" else frozenset()

    def view(self, inputs: Inputs, recipe: Recipe, state: State, *, strength: Strength) -> View:
        """From a decoded wave to a picture, shape (3, height, width), or to a wave, shape (samples,)."""
        if inputs.kind == "image":
            return PictureView(inputs, state, self._resolution(recipe), strength)
        return wave_view(inputs, strength)

    def _resolution(self, recipe: Recipe) -> float:
        return float(recipe.of(self.name).get("resolution", 1.0))

    def collate(self, samples: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Pictures as one tensor, shape (rows, 3, height, width); waves as a list, because none is padded."""
        import torch

        return torch.stack(list(samples)) if samples[0].ndim > 1 else list(samples)


def _pair_of(given: Any) -> dict[str, Any] | None:
    """A reference to an array with its rate, if that is what was given."""
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], np.ndarray)):
        return None
    wave, rate = given
    sound = wave.ndim in (1, 2) and wave.dtype.kind in "fiu" and len(wave)
    if not sound or isinstance(rate, bool) or not isinstance(rate, (int, np.integer)) or rate <= 0:
        return None
    return {"wave": wave, "rate": int(rate), "milliseconds": round(1000 * len(wave) / rate)}

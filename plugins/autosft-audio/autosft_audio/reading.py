"""From a reference (a file, an array with its rate) to a wave, safely. Knows neither folders nor rows.

Files come from anywhere, so: a bounded stretch is decoded and no more, block by block whatever the number of channels,
and whatever a decoder raises becomes one `Unreadable`.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autosft.api import Unreadable
from autosft.api.inputs import head_of

if TYPE_CHECKING:
    from soundfile import SoundFile

Wave = npt.NDArray[np.float32]

RATE = 16_000
"""Samples per second of every decoded wave: what nearly all pretrained encoders of sound were trained with."""

MOST_SECONDS = 30.0
"""Of a longer file the middle is decoded."""

_MOST_FRAMES = round(MOST_SECONDS * 192_000)
"""However high the rate, no more is decoded than this: 23 MB of one channel."""

_BLOCK = 2**20
"""Values decoded at once: 4 MB, shared by all channels."""

_LEAST_RATE, _MOST_RATE = 1_000, 768_000
"""Below, hardly a sound is left; above, there are no recorders."""

_SIGNATURES = (b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b".snd", b"caff", b"riff\x2e\x91")

_SIZES = re.compile(r"^\s*(?:RIFF|riff|RF64|FORM|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
"""How libsndfile reports a file whose header promises another size than it has."""

_STREAMED = 0x7FFFFFFF
"""Programs that write to a pipe put such a size or a larger one into the header: that is no damage."""


def starts_like_sound(path: str) -> bool:
    """Whether the first bytes of a file are those of a common sound format."""
    head = head_of(path, 12)
    boxed = head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE"
    return head.startswith(_SIGNATURES) or boxed or (head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"))


def inspect(path: str) -> dict[str, Any]:
    """Decode what `read_wave` would decode, and say what a row refers to: the path, the length of the file in
    milliseconds, and its rate in hertz.

    Raises:
        Unreadable: It cannot be decoded, or is cut off; the message is the reason in one line.
    """
    with _opened(path) as file:
        promised = [tuple(map(int, sizes)) for sizes in _SIZES.findall(file.extra_info)]
        for declared, there in promised:
            if there < 0.99 * declared and declared < _STREAMED:
                raise Unreadable(f"cut off: {there:,} of {declared:,} bytes are there")
        start, wanted = _stretch(file)
        got = len(_decoded(file, start, wanted))
        if start + wanted == file.frames and got < 0.99 * wanted:
            raise Unreadable(f"cut off: {start + got:,} of {file.frames:,} samples can be decoded")
        frames = file.frames if start else got
        return {"path": path, "milliseconds": round(1000 * frames / file.samplerate), "rate": file.samplerate}


def read_wave(ref: Any) -> Wave:
    """One channel at `RATE`, shape (samples,): the mean of all channels, of a long file the middle `MOST_SECONDS`.

    Args:
        ref: What `inspect` gave, or a mapping of `wave`, an array of shape (samples,) or (samples, channels), and
            `rate`.

    Raises:
        Unreadable: It cannot be decoded; the message is the reason in one line.
    """
    if "wave" in ref:
        rate, wave = _bearable(ref["rate"]), _mono(ref["wave"])
        most = min(_MOST_FRAMES, round(MOST_SECONDS * rate))
        start = max(0, (len(wave) - most) // 2)
        return resampled(_sound(wave[start : start + most]), rate)
    with _opened(ref["path"]) as file:
        return resampled(_decoded(file, *_stretch(file)), file.samplerate)


def resampled(wave: Wave, rate: int) -> Wave:
    """The wave at `RATE`, by a polyphase filter; odd rates are met within a millionth."""
    if rate == RATE:
        return wave
    from scipy.signal import resample_poly

    shorter = Fraction(min(rate, RATE), max(rate, RATE)).limit_denominator(1000)
    up, down = shorter.as_integer_ratio() if rate > RATE else reversed(shorter.as_integer_ratio())
    return np.ascontiguousarray(resample_poly(wave, up, down), dtype=np.float32)


@contextmanager
def _opened(path: str) -> Iterator[SoundFile]:
    """The file, its header read and found bearable."""
    import soundfile

    try:
        _require_file(Path(path))
        with soundfile.SoundFile(path) as file:
            _bearable(file.samplerate)
            yield file
    except Unreadable:
        raise
    except FileNotFoundError as error:
        raise Unreadable("the file is missing") from error
    except Exception as error:  # libsndfile's own errors, and whatever a damaged header provokes
        words = " ".join(str(error).split()).rpartition(": ")[2][:200] or type(error).__name__
        raise Unreadable(f"cannot be decoded: {words}") from error


def _require_file(path: Path) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait forever
        raise Unreadable("not an ordinary file")
    if status.st_size == 0:
        raise Unreadable("the file is empty")


def _bearable(rate: int) -> int:
    if not _LEAST_RATE <= rate <= _MOST_RATE:
        raise Unreadable(f"a rate of {rate:,} Hz; give {_LEAST_RATE:,} to {_MOST_RATE:,} Hz")
    return rate


def _stretch(file: SoundFile) -> tuple[int, int]:
    """The first frame and the number of frames to decode."""
    most = min(_MOST_FRAMES, round(MOST_SECONDS * file.samplerate))
    if not 0 <= file.frames < 2**62:  # libsndfile does not know how many there are
        return 0, most
    return max(0, (file.frames - most) // 2), min(most, file.frames)


def _decoded(file: SoundFile, start: int, wanted: int) -> Wave:
    """The mean of all channels over a stretch, shape (frames,); fewer frames where the file ends before."""
    if start:
        file.seek(start)
    size = max(1, _BLOCK // file.channels)
    blocks: list[Wave] = []
    while wanted > 0:
        block = file.read(min(size, wanted), dtype="float32", always_2d=True)
        if not len(block):
            break
        blocks.append(np.asarray(block.mean(1) if block.shape[1] > 1 else block[:, 0], dtype=np.float32))
        wanted -= len(block)
    return _sound(np.concatenate(blocks) if blocks else np.zeros(0, np.float32))


def _mono(wave: npt.NDArray[Any]) -> Wave:
    """An array as one channel of floats; integers are scaled by their range."""
    if wave.dtype.kind in "iu":
        limits = np.iinfo(wave.dtype)
        half = (limits.max - limits.min + 1) / 2
        wave = (wave - (limits.min + half)) / half
    return np.asarray(wave.mean(1) if wave.ndim == 2 else wave, dtype=np.float32)


def _sound(wave: Wave) -> Wave:
    if not len(wave):
        raise Unreadable("no samples in it")
    if not np.isfinite(wave).all():
        raise Unreadable("holds samples that are no numbers (NaN or infinite)")
    return wave

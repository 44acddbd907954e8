"""Which files are sounds. Knows neither folders nor samples."""

from __future__ import annotations

from autosft.api.inputs import FileKind
from autosft_audio.reading import inspect, starts_like_sound

# fmt: off
_ENDINGS = frozenset({
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64",
    ".rf64", ".m4a", ".aac", ".wma", ".amr", ".webm",
})
# fmt: on
"""libsndfile cannot decode the last five: they are skipped, not silence."""

SOUNDS = FileKind("an audio file", "audio files", _ENDINGS, starts_like_sound, inspect)

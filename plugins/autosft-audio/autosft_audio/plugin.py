"""What this package offers to the host. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.api import BackboneFamily, Modality, WeightSource, hookimpl

autosft_api = 2


@hookimpl
def autosft_modalities() -> Iterable[Modality]:
    """Sounds in folders and tables."""
    from autosft_audio.modality import AudioModality

    return [AudioModality()]


@hookimpl
def autosft_backbones() -> Iterable[BackboneFamily]:
    """Encoders of speech and of voices, statistics, and a network that learns from scratch."""
    from autosft_audio.bands import BandsFamily
    from autosft_audio.speech import SpeechFamily
    from autosft_audio.voices import VoiceFamily
    from autosft_audio.wavenet import WaveNetFamily

    return [SpeechFamily(), VoiceFamily(), BandsFamily(), WaveNetFamily()]


@hookimpl
def autosft_weights() -> Iterable[WeightSource]:
    """Weights that lie in an installed package."""
    from autosft_audio.packages import ResemblyzerPackage

    return [ResemblyzerPackage()]

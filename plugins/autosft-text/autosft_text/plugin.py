"""What this package offers to the host. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.api import BackboneFamily, Modality, WeightSource, hookimpl

autosft_api = 2


@hookimpl
def autosft_modalities() -> Iterable[Modality]:
    """Texts in tables and folders."""
    from autosft_text.modality import TextModality

    return [TextModality()]


@hookimpl
def autosft_backbones() -> Iterable[BackboneFamily]:
    """Transformers, word vectors, TF-IDF, and an LSTM."""
    from autosft_text.lstm_family import LstmFamily
    from autosft_text.static_family import StaticFamily
    from autosft_text.tfidf_family import TfidfFamily
    from autosft_text.transformers_family import TransformersFamily

    return [TransformersFamily(), StaticFamily(), TfidfFamily(), LstmFamily()]


@hookimpl
def autosft_weights() -> Iterable[WeightSource]:
    """Weights that lie in installed packages."""
    from autosft_text.packages import SentenceEncoderPackages

    return [SentenceEncoderPackages()]

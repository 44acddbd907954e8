"""What this package offers to the host. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from autosft.api import BackboneFamily, Modality, WeightSource, hookimpl

autosft_api = 2


@hookimpl
def autosft_modalities() -> Iterable[Modality]:
    """Images in folders, or named by a table."""
    from autosft_image.modality import ImageModality

    return [ImageModality()]


@hookimpl
def autosft_backbones() -> Iterable[BackboneFamily]:
    """The models of timm, and small networks that learn from scratch."""
    from autosft_image.cnn_family import CnnFamily
    from autosft_image.timm_family import TimmFamily

    return [TimmFamily(), CnnFamily()]


@hookimpl
def autosft_weights() -> Iterable[WeightSource]:
    """Weights that lie in installed packages."""
    from autosft_image.packages import EfficientNetLitePackages

    return [EfficientNetLitePackages()]

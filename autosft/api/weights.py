"""The plugin API for weights on disk: finding them, checking them, and putting them into a network."""

from __future__ import annotations

from autosft.contracts.document import sha256_of_file
from autosft.training.weights import FILES, installed_file, load_weights, read_config, weights_in

__all__ = [
    "FILES",
    "installed_file",
    "load_weights",
    "read_config",
    "sha256_of_file",
    "weights_in",
]

"""The plugin API for models and training. Importing this imports torch, so parts import it inside their methods."""

from __future__ import annotations

from autosft.contracts.tensors import Batch, Encoder, Graph, LinearHead, Mixed, Model
from autosft.training.features import encode
from autosft.training.loaders import training_batches
from autosft.training.losses import supervised
from autosft.training.model import last_blocks, parameter_groups, train_only

__all__ = [
    "Batch",
    "Encoder",
    "Graph",
    "LinearHead",
    "Mixed",
    "Model",
    "encode",
    "last_blocks",
    "parameter_groups",
    "supervised",
    "train_only",
    "training_batches",
]

"""The plugin API for models and training. Importing this imports torch, so parts import it inside their methods."""

from __future__ import annotations

from autosft.contracts.graph import Graph
from autosft.contracts.masking import Masked, MaskingEncoder
from autosft.contracts.steps import Step
from autosft.contracts.tensors import Batch, Encoder, LinearHead, Model
from autosft.training.encoders import Encoders
from autosft.training.features import encode
from autosft.training.loaders import Loader, training_batches
from autosft.training.losses import row_losses, supervised
from autosft.training.model import last_blocks, parameter_groups, train_only
from autosft.training.pseudo_labels import note_pseudo_labels
from autosft.training.streams import CombinedLoader
from autosft.training.teacher import Teacher, pseudo_labelled

__all__ = [
    "Batch",
    "CombinedLoader",
    "Encoder",
    "Encoders",
    "Graph",
    "LinearHead",
    "Loader",
    "Masked",
    "MaskingEncoder",
    "Model",
    "Step",
    "Teacher",
    "encode",
    "last_blocks",
    "note_pseudo_labels",
    "parameter_groups",
    "pseudo_labelled",
    "row_losses",
    "supervised",
    "train_only",
    "training_batches",
]

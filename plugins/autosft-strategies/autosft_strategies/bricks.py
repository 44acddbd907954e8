"""The bricks that strategies are built from."""

from __future__ import annotations

from autosft.contracts.strategy import Job, Stage
from autosft.contracts.tensors import Model
from autosft.training.loaders import training_batches
from autosft.training.losses import supervised
from autosft.training.model import parameter_groups


def full_stage(job: Job, model: Model) -> Stage:
    """Train every parameter of the model on the labelled rows, with the recipe's rates and augmentation."""
    return Stage(
        name="full",
        model=model,
        batches=training_batches(job),
        loss=supervised(job, model),
        parameters=parameter_groups(job, model),
        epochs=job.recipe.stop.max_epochs,
        valid=job.valid,
    )

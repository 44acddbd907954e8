"""The brick that strategies are built from."""

from __future__ import annotations

from autosft.api import Job, Stage
from autosft.api.tensors import Model, parameter_groups, supervised, training_batches


def supervised_stage(job: Job, model: Model, name: str, epochs: int = 0) -> Stage:
    """Train what is not frozen of the model on the labelled rows, with the recipe's rates and augmentation.

    Args:
        job: What to train on.
        model: What to train.
        name: The stage's name.
        epochs: The length of the schedule; 0 means the recipe's.
    """
    return Stage(
        name=name,
        model=model,
        batches=training_batches(job),
        loss=supervised(job, model),
        parameters=parameter_groups(job, model),
        epochs=epochs or job.recipe.stop.max_epochs,
        valid=job.valid,
    )

"""`supervised_stage`: the stage that most strategies consist of."""

from __future__ import annotations

from autosft.api import Runtime, Stage, Trial
from autosft.api.tensors import Model, parameter_groups, supervised, training_batches


def supervised_stage(trial: Trial, runtime: Runtime, model: Model, name: str, epochs: int = 0) -> Stage:
    """Train what is not frozen of the model on the labelled rows, with the recipe's rates and augmentation.

    Args:
        trial: What to train on.
        runtime: Where.
        model: What to train.
        name: The stage's name.
        epochs: The length of the schedule; 0 means the recipe's.
    """
    return Stage(
        name=name,
        model=model,
        batches=training_batches(trial, runtime),
        loss=supervised(trial.parts, model),
        parameters=parameter_groups(trial.parts.recipe, model),
        epochs=epochs or trial.parts.recipe.stop.max_epochs,
        valid=trial.valid,
    )

"""`Objective`: what an encoder learns without targets, and the stage that teaches it. It needs torch."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import final

import torch  # noqa: TID253 - only methods of strategies import this file
from torch import Tensor, nn  # noqa: TID253

from autosft.api import Runtime, Stage, Strength, Trial
from autosft.api.tensors import Batch, Encoder, Loader, Model, parameter_groups

FEWEST_ROWS, MOST_EPOCHS = 500, 20
"""A pass over more rows than these is divided into as many epochs, at most so many, because the time may be up before
a pass is over, and what was learned in an epoch that has not ended is lost. Each epoch draws other rows."""


class Objective(nn.Module):
    """A loss of encoded rows, and all that is learned for it outside the encoder."""

    @abstractmethod
    def forward(self, encoder: Encoder, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar."""

    def after_step(self, encoder: Encoder) -> None:
        """What follows each step of the optimizer; by default nothing."""


@final
class Portions:
    """Epochs of a part of the rows.

    Args:
        loader: Goes through all of them in a new order each time.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self.per_pass = max(1, min(MOST_EPOCHS, len(loader) * loader.batch_size // FEWEST_ROWS))
        """How many epochs go through as many rows as there are."""

    def __len__(self) -> int:
        return math.ceil(len(self._loader) / self.per_pass)

    def epoch(self, seed: int) -> Iterator[Batch]:
        """The first batches of an order."""
        return islice(self._loader.epoch(seed), len(self))


def pretraining_stage(
    name: str,
    trial: Trial,
    runtime: Runtime,
    model: Model,
    objective: Objective,
    *,
    views: Sequence[Strength],
    whole: bool,
) -> Stage:
    """The stage that teaches an encoder an objective. The encoder learns at the recipe's rate, and the objective's own
    weights at that of heads.

    Args:
        name: Of the stage.
        trial: Has the rows, with targets and without, and the recipe.
        runtime: Where.
        model: Whose encoder learns; its heads do not.
        objective: What is learned.
        views: How each row is seen.
        whole: Whether batches must not be divided.
    """
    recipe = trial.parts.recipe
    model.heads.requires_grad_(False)
    rows = trial.train + trial.unlabeled
    batches = Portions(Loader(trial.parts, runtime, rows, views, shuffle=True, targets=False))
    own = [weight for weight in objective.parameters() if weight.requires_grad]
    rates = {"lr": recipe.optim.head_lr}
    groups = [
        {"params": [weight for weight in own if (weight.ndim > 1) == decays], **rates, "weight_decay": decay}
        for decays, decay in ((True, recipe.optim.weight_decay), (False, 0.0))
    ]
    return Stage(
        name=name,
        model=model,
        batches=batches,
        loss=lambda batch: objective(model.encoder, batch),
        parameters=[*parameter_groups(recipe, model), *(group for group in groups if group["params"])],
        epochs=recipe.stop.max_epochs * batches.per_pass,
        after_step=lambda: objective.after_step(model.encoder),
        divisible=0 if whole else 1,
        keeps={"objective": objective},
    )


def drawn_generator() -> torch.Generator:
    """A generator on the CPU that is seeded by torch's own, which the loop seeds before each epoch."""
    return torch.Generator().manual_seed(int(torch.randint(2**62, ())))


def perceptron(*widths: int, normalize: bool = False) -> nn.Sequential:
    """Linear layers with ReLU between them.

    Args:
        widths: Of the inputs, and of what each layer gives.
        normalize: Whether batch norm stands before each ReLU.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), *([nn.BatchNorm1d(outputs)] if normalize else []), nn.ReLU()]
    return nn.Sequential(*layers[: -2 - normalize + 1])

"""`Progress`: where a trial stands between two epochs, and what of it and of its stage a checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from autosft.contracts.record import Epoch
from autosft.contracts.strategy import Stage


@dataclass
class Progress:
    """Where a trial stands; all that a checkpoint holds beside tensors.

    Attributes:
        epochs: Every epoch, in order.
        best: For each stage, after how many epochs its kept weights stood.
        trained: The number of parameters that are trained.
        score, loss: Those of the best epoch of the stage under way, or before its first one of the stage before.
    """

    epochs: list[Epoch] = field(default_factory=list[Epoch])
    best: dict[str, int] = field(default_factory=dict[str, int])
    trained: int = 0
    score: float | None = None
    loss: float = 0.0

    @property
    def validated(self) -> int:
        """The number of epochs that have a score."""
        return sum(epoch.score is not None for epoch in self.epochs)


def state_of(stage: Stage, progress: Progress) -> dict[str, Any]:
    """What a checkpoint of a stage holds, whether it is under way or has ended."""
    return {
        "modules": {name: module.state_dict() for name, module in _modules(stage).items()},
        "epochs": [epoch.plain() for epoch in progress.epochs],
        "best": dict(progress.best),
        "trained": progress.trained,
        "score": progress.score,
        "loss": progress.loss,
    }


def restore(stage: Stage, saved: dict[str, Any], progress: Progress) -> None:
    """Put back what `state_of` gave."""
    for name, module in _modules(stage).items():
        module.load_state_dict(saved["modules"][name])
    progress.epochs = [Epoch.model_validate(epoch) for epoch in saved["epochs"]]
    progress.best, progress.trained = dict(saved["best"]), saved["trained"]
    progress.score, progress.loss = saved.get("score"), saved.get("loss", 0.0)


def _modules(stage: Stage) -> dict[str, nn.Module]:
    """All modules whose state a checkpoint holds."""
    evaluated = {"evaluated": stage.evaluated} if stage.evaluated else {}
    return {"model": stage.model, **evaluated, **{f"keeps/{name}": module for name, module in stage.keeps.items()}}

"""`Progress`: where a trial stands between two epochs, and what of it and of its stage a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from autosft.contracts.record import Epoch
from autosft.contracts.strategy import Stage
from autosft.contracts.trial import EvalBatch


@dataclass
class Progress:
    """Where a trial stands; all that a checkpoint holds beside tensors.

    Attributes:
        eval_batch: How many rows are answered at once.
        epochs: Every epoch, in order.
        best: For each stage, after how many epochs its kept weights stood.
        trained: The number of parameters that are trained.
        score, loss: Those of the best epoch of the stage under way, or before its first one of the stage before.
    """

    eval_batch: EvalBatch
    epochs: list[Epoch] = field(default_factory=list[Epoch])
    best: dict[str, int] = field(default_factory=dict[str, int])
    trained: int = 0
    score: float | None = None
    loss: float | None = None

    @property
    def validated(self) -> int:
        """The number of epochs that have a score."""
        return sum(epoch.score is not None for epoch in self.epochs)


def state_of(stage: Stage, progress: Progress) -> dict[str, Any]:
    """What a checkpoint of a stage holds, whether it is under way or has ended."""
    return {
        "model": learned(stage, stage.model),
        "modules": {name: module.state_dict() for name, module in _others(stage).items()},
        "eval_batch": progress.eval_batch.rows,
        "epochs": [epoch.plain() for epoch in progress.epochs],
        "best": dict(progress.best),
        "trained": progress.trained,
        "score": progress.score,
        "loss": progress.loss,
    }


def restore(stage: Stage, saved: dict[str, Any], progress: Progress) -> None:
    """Put back what `state_of` gave."""
    load_learned(stage, saved["model"])
    for name, module in _others(stage).items():
        module.load_state_dict(saved["modules"][name])
    progress.eval_batch.rows = saved["eval_batch"]
    progress.epochs = [Epoch.model_validate(epoch) for epoch in saved["epochs"]]
    progress.best, progress.trained = dict(saved["best"]), saved["trained"]
    progress.score, progress.loss = saved.get("score"), saved.get("loss")


def learned(stage: Stage, module: nn.Module) -> dict[str, Tensor]:
    """The weights that the stage trains and all buffers, of its model or of one of the same shape. What is frozen is
    there again when a trial goes on: it was built, or trained by an earlier stage."""
    trained = {id(parameter) for group in stage.parameters for parameter in group["params"]}
    frozen = {name for name, parameter in stage.model.named_parameters() if id(parameter) not in trained}
    return {name: tensor for name, tensor in module.state_dict().items() if name not in frozen}


def load_learned(stage: Stage, tensors: Mapping[str, Tensor]) -> None:
    """Put what `learned` gave into the stage's model.

    Raises:
        RuntimeError: It is of another stage.
    """
    if other := learned(stage, stage.model).keys() ^ tensors.keys():
        raise RuntimeError(f"These weights are not those of stage {stage.name!r}: {', '.join(sorted(other)[:4])}")
    stage.model.load_state_dict(tensors, strict=False)


def modules_of(stage: Stage) -> dict[str, nn.Module]:
    """All that a stage changes."""
    return {"model": stage.model, **_others(stage)}


def _others(stage: Stage) -> dict[str, nn.Module]:
    """Modules beside the model whose whole state a checkpoint holds."""
    evaluated = {"evaluated": stage.evaluated} if stage.evaluated else {}
    return {**evaluated, **{f"keeps/{name}": module for name, module in stage.keeps.items()}}

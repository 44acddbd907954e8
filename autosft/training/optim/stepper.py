"""`Stepper`: one step of a stage's weights, from gradients to the average. It knows neither data nor epochs."""

from __future__ import annotations

from typing import Any, final

from torch import nn

from autosft.contracts.recipe import Optim
from autosft.contracts.strategy import Stage
from autosft.training.optim.average import averaged
from autosft.training.optim.optimizer import optimizer_for
from autosft.training.optim.penalties import Penalties
from autosft.training.optim.schedule import set_rate


@final
class Stepper:
    """Moves the weights of one stage.

    Args:
        stage: What is trained.
        optim: How.
        penalties: What draws its weights beside the gradient.

    Attributes:
        parameters: What it moves.
        kept: What is validated and kept: the stage's own choice, or the average of the weights, or the model itself.
    """

    def __init__(self, stage: Stage, optim: Optim, penalties: Penalties) -> None:
        self._stage, self._optim, self._penalties = stage, optim, penalties
        self._optimizer = optimizer_for(stage.parameters)
        self.parameters = [parameter for group in stage.parameters for parameter in group["params"]]
        self._average = averaged(stage.model, optim.ema) if optim.ema and not stage.evaluated else None
        self.kept: nn.Module = stage.evaluated or (self._average.module if self._average else stage.model)

    def prepare(self, step: int) -> None:
        """Set the rates of a step, counted over the whole stage, and forget the gradients of the one before."""
        set_rate(self._optimizer, step, self._stage.epochs * len(self._stage.batches), self._optim)
        self._optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Move the weights by their gradients."""
        if self._optim.clip:
            nn.utils.clip_grad_norm_(self.parameters, self._optim.clip)
        self._optimizer.step()
        self._penalties.draw(self._optimizer.param_groups)
        if self._stage.after_step:
            self._stage.after_step()
        if self._average:
            self._average.update_parameters(self._stage.model)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        return {
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.state_dict() if self._average else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average:
            self._average.load_state_dict(state["average"])

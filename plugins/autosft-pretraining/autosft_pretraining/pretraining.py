"""`Pretraining` and `rates`: what all strategies of this package share. Each says what is learned: its `Objective`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from autosft.api import BackboneInfo, Facts, Float, Int, Problem, Runtime, Space, Stage, Strategy, Strength, Trial

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder, Model
    from autosft_pretraining.objective import Objective


def rates(passes: int, lr: float = 1e-4) -> Space:
    """The ranges of the shared fields that mean something else while an encoder is pretrained.

    Args:
        passes: Over all rows, by default.
        lr: By default; ten times as low as for learning from targets, so that pretrained encoders do not lose what they
            know.
    """
    return {
        "optim.lr": Float(1e-5, 3e-3, default=lr, log=True, doc="peak learning rate of the encoder's last block"),
        "optim.head_lr": Float(1e-4, 1e-2, default=1e-3, log=True, doc="peak learning rate of all beside the encoder"),
        "stop.max_epochs": Int(2, 100, default=passes, log=True, doc="passes over all rows"),
    }


class Pretraining(Strategy):
    """One stage, on the rows to train on without their targets and on those that have none. What is learned beside the
    encoder, such as a decoder, is thrown away.

    Attributes:
        views: How each row is seen; several views give an objective a tuple of inputs.
        whole: Whether the loss compares the rows of a batch, which then must not be divided.
    """

    produces, wants = "encoder", frozenset({"unlabeled"})
    unlabeled_cost = 1.0
    uses = frozenset(
        f"optim.{name}" for name in ("lr", "head_lr", "weight_decay", "layer_decay", "batch_size", "warmup", "schedule")
    ) | {"stop.max_epochs"}
    views: ClassVar[tuple[Strength, ...]] = ("none",)
    whole: ClassVar[bool] = False

    @abstractmethod
    def objective(self, trial: Trial, encoder: Encoder) -> Objective:
        """What is learned, with fresh weights; drawn from torch's generator."""

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder in which something can be trained."""
        return "nothing in this encoder can be trained" if info.origin == "fitted" else ""

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """One stage."""
        from autosft_pretraining.objective import pretraining_stage

        objective = self.objective(trial, model.encoder).to(runtime.device)
        yield pretraining_stage(self.name, trial, runtime, model, objective, views=self.views, whole=self.whole)

"""Running means of what a model answers, and answers that are aligned to them. All are buffers, for checkpoints."""

from __future__ import annotations

from typing import final

import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253

DECAY = 0.95
"""Of all running means: about twenty steps count. The papers have 0.999, for a million steps from scratch; here a stage
has some hundreds, from a model that knows something at once."""


@final
class RunningMean(nn.Module):
    """An exponential moving average without a beginning: what was seen so far has weights that add up to 1 (as the
    moments of Adam: Kingma and Ba, 2015). The papers begin it as if all classes were alike.

    Args:
        shape: Of what it averages.
        decay: By how much what was seen before counts less at each step.
    """

    total: Tensor
    weight: Tensor

    def __init__(self, *shape: int, decay: float = DECAY) -> None:
        super().__init__()
        self._decay = decay
        self.register_buffer("total", torch.zeros(shape))
        self.register_buffer("weight", torch.zeros(()))

    def forward(self, seen: Tensor) -> Tensor:
        """The mean, this included."""
        self.total.lerp_(seen, 1 - self._decay)
        self.weight.lerp_(torch.ones_like(self.weight), 1 - self._decay)
        return self.total / self.weight


@final
class Alignment(nn.Module):
    """Answers to rows without labels, moved so that they are on average as they should be (ReMixMatch: Berthelot et
    al., 2020).

    Args:
        towards: `"labelled"`, the running mean of the answers to labelled rows, as in AdaMatch; `"uniform"`, each class
            as often as any other, as in SoftMatch; `"none"`, which leaves answers as they are.
        classes: How many there are.
    """

    def __init__(self, towards: str, classes: int) -> None:
        super().__init__()
        self.towards = towards
        self.unlabelled, self.labelled = RunningMean(classes), RunningMean(classes)

    def forward(self, unlabelled: Tensor, labelled: Tensor | None) -> Tensor:
        """The probabilities, shape (rows, classes), aligned."""
        if self.towards == "none":
            return unlabelled
        target = torch.full_like(unlabelled[0], 1 / unlabelled.shape[1])
        if self.towards == "labelled":
            assert labelled is not None
            target = self.labelled(labelled.mean(0))
        aligned = unlabelled * (target / self.unlabelled(unlabelled.mean(0)).clamp_min(1e-6))
        return aligned / aligned.sum(1, keepdim=True)

"""`SelfDistillation`: a teacher that is an average of the student tells it what to make of another view. It needs
torch."""

from __future__ import annotations

import copy
from typing import final

import torch  # noqa: TID253 - only methods of strategies import this file
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from autosft.api.tensors import Batch, Encoder
from autosft_pretraining.objective import Objective, perceptron

HIDDEN, BOTTLENECK, PROTOTYPES = 512, 128, 512
"""Widths of the head. Caron et al. have 65,536 prototypes for a million pictures."""

SHARP, SHARPER = 0.1, 0.04
"""Temperatures of the student and of the teacher (Caron et al., 2021)."""

CENTRE_MOMENTUM = 0.9


class _Head(nn.Module):
    """From a pooled vector to scores of prototypes: a perceptron, and cosines."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.perceptron = perceptron(width, HIDDEN, BOTTLENECK)
        self.prototypes = nn.Linear(BOTTLENECK, PROTOTYPES, bias=False)

    def forward(self, pooled: Tensor) -> Tensor:
        near = functional.normalize(self.perceptron(pooled).float(), dim=1)
        return functional.linear(near, functional.normalize(self.prototypes.weight, dim=1))


@final
class SelfDistillation(Objective):
    """The student's head, the teacher, and the centre of what the teacher says.

    Args:
        encoder: The student.
        momentum: How much of the teacher stays at each step.
    """

    def __init__(self, encoder: Encoder, momentum: float) -> None:
        super().__init__()
        self._momentum = momentum
        self.head = _Head(encoder.widths["pooled"])
        self.teacher = nn.ModuleList([copy.deepcopy(encoder), copy.deepcopy(self.head)]).requires_grad_(False).eval()
        self.center: Tensor
        self.register_buffer("center", torch.zeros(PROTOTYPES))
        self._said: list[Tensor] = []

    def forward(self, encoder: Encoder, batch: Batch) -> Tensor:
        """The cross-entropy of what the teacher says of one view and the student of the other, both ways."""
        teacher, head = self.teacher
        with torch.no_grad():
            taught = [head(teacher(view)["pooled"]) for view in batch.inputs]
        self._said += taught
        told = [self.head(encoder(view)["pooled"]) for view in batch.inputs]
        pairs = ((taught[0], told[1]), (taught[1], told[0]))
        return sum((distilled(one, other, self.center) for one, other in pairs), torch.zeros(())) / 2

    def after_step(self, encoder: Encoder) -> None:
        """The teacher moves towards the student, and the centre towards what the teacher has said."""
        with torch.no_grad():
            for average, current in zip(self.teacher, (encoder, self.head), strict=True):
                for mine, new in zip(average.parameters(), current.parameters(), strict=True):
                    mine.lerp_(new, 1 - self._momentum)
                for mine, new in zip(average.buffers(), current.buffers(), strict=True):
                    mine.copy_(new)
            if self._said:
                self.center.lerp_(torch.cat(self._said).mean(0), 1 - CENTRE_MOMENTUM)
        self._said.clear()


def distilled(taught: Tensor, told: Tensor, center: Tensor) -> Tensor:
    """The mean cross-entropy of the teacher's centred, sharpened answers and the student's.

    Args:
        taught: The teacher's scores, shape (rows, prototypes).
        told: The student's.
        center: What is taken off the teacher's, shape (prototypes,).
    """
    wanted = ((taught - center) / SHARPER).softmax(1)
    return -(wanted * (told / SHARP).log_softmax(1)).sum(1).mean()

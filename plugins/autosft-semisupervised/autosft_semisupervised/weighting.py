"""How rows without labels count: a `Weighting` makes labels and weights of what the model answers to their light views.

What it learns on the way, such as thresholds, are buffers, which a checkpoint holds.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, final

from torch import Tensor, nn  # noqa: TID253
from torch.nn.functional import one_hot  # noqa: TID253

from autosft.api import Strength


class Weighting(nn.Module):
    """Makes labels and weights of answers. It is asked once a step, of all its rows, also where memory is short and the
    step is done in parts.

    Attributes:
        labelled: In which views labelled rows are learned from.
        looks_at_labelled: Whether it needs the answers to the labelled rows of the step, which are another pass.
        divisible: As that of a stage.
    """

    labelled: ClassVar[tuple[Strength, ...]] = ("light",)
    looks_at_labelled: bool = False
    divisible: ClassVar[int] = 1

    @abstractmethod
    def forward(self, unlabelled: Tensor, labelled: Tensor | None) -> tuple[Tensor, Tensor]:
        """The label of each row without one as probabilities, shape (rows, classes), and its weight, shape (rows,).

        Args:
            unlabelled: The probabilities of the classes in the light view of these rows, shape (rows, classes).
            labelled: Those of the labelled rows, if it looks at them.
        """

    def penalty(self, strong: Tensor, weights: Tensor) -> Tensor:
        """What is added to the loss of a step, shape (); nothing by default.

        Args:
            strong: The probabilities in the strong view, shape (rows, classes), with a gradient.
            weights: Those of the rows.
        """
        return strong.new_zeros(())


@final
class FixedThreshold(Weighting):
    """FixMatch's: a row counts from a probability on.

    Args:
        threshold: That probability.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self._threshold = threshold

    def forward(self, unlabelled: Tensor, labelled: Tensor | None) -> tuple[Tensor, Tensor]:
        """The most probable class, and 1 or 0."""
        sureness, classes = unlabelled.max(1)
        return one_hot(classes, unlabelled.shape[1]).to(unlabelled), (sureness >= self._threshold).to(unlabelled)

"""How rows without labels count: a `Weighting` makes labels and weights of what the model answers to them.

What it learns on the way, such as thresholds, are buffers, which a checkpoint holds.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, final

import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253
from torch.nn.functional import one_hot  # noqa: TID253

from autosft.api import Strength
from autosft_semisupervised.running import Alignment, RunningMean

SIGMAS = 2
"""The standard deviation of SoftMatch's Gaussian is the measured one divided by this, as in its authors' code."""


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
            unlabelled: The probabilities of the classes in the plainer view of these rows, shape (rows, classes).
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
        return _certain(unlabelled, classes), (sureness >= self._threshold).to(unlabelled)


@final
class SelfAdaptive(Weighting):
    """FreeMatch's: a row counts from a probability on that follows what the model is sure of, for each class.

    The threshold of the most frequent class is the running mean of the probabilities of what is most probable; that of
    another class is lower by as much as its mean probability is lower. Fairness asks that what is answered to strong
    views is spread over classes as what the model says of all rows is, each divided by how often its classes are the
    most probable; a whole batch has it, and not its parts.

    Args:
        classes: How many there are.
        fairness: The weight of that penalty.
    """

    divisible = 0

    def __init__(self, classes: int, fairness: float) -> None:
        super().__init__()
        self._fairness = fairness
        self.sureness, self.means, self.histogram = RunningMean(), RunningMean(classes), RunningMean(classes)
        self._expected: Tensor | None = None

    def forward(self, unlabelled: Tensor, labelled: Tensor | None) -> tuple[Tensor, Tensor]:
        """The most probable class, and 1 or 0."""
        sureness, classes = unlabelled.max(1)
        labels = _certain(unlabelled, classes)
        means = self.means(unlabelled.mean(0))
        thresholds = self.sureness(sureness.mean()) * means / means.max()
        self._expected = _normal(_divided(means, self.histogram(labels.mean(0))))
        return labels, (sureness >= thresholds[classes]).to(unlabelled)

    def penalty(self, strong: Tensor, weights: Tensor) -> Tensor:
        """The negative cross-entropy of the two, times the weight of fairness."""
        counted = strong[weights > 0]
        if self._expected is None or not len(counted):
            return strong.new_zeros(())
        histogram = _certain(counted, counted.argmax(1)).mean(0)
        answered = _normal(_divided(counted.mean(0), histogram))
        return self._fairness * (self._expected * (answered + 1e-12).log()).sum()


@final
class TruncatedGaussian(Weighting):
    """SoftMatch's: every row counts, by a Gaussian of how far its sureness is below the mean.

    Args:
        alignment: What sureness is judged on. Labels are of answers as they are.
    """

    def __init__(self, alignment: Alignment) -> None:
        super().__init__()
        self.alignment = alignment
        self.looks_at_labelled = alignment.towards == "labelled"
        self.mean, self.variance = RunningMean(), RunningMean()

    def forward(self, unlabelled: Tensor, labelled: Tensor | None) -> tuple[Tensor, Tensor]:
        """The most probable class; 1 from the mean on, and below it less, with half the standard deviation."""
        sureness = self.alignment(unlabelled, labelled).max(1).values
        variance = sureness.var() if len(sureness) > 1 else torch.zeros_like(sureness[0])
        below = (sureness - self.mean(sureness.mean())).clamp_max(0)
        weights = (-(below**2) / (2 * self.variance(variance).clamp_min(1e-9) / SIGMAS**2)).exp()
        return _certain(unlabelled, unlabelled.argmax(1)), weights


@final
class RelativeThreshold(Weighting):
    """AdaMatch's: a row counts from a fraction on of how sure the model is of labelled rows.

    The fraction of the loss that rows without labels have grows from 0 to 1 in the first half of the steps.

    Args:
        threshold: That fraction.
        alignment: What is made of answers before they become labels.
        steps: How many there are at most.
    """

    labelled = ("light", "strong")
    step: Tensor

    def __init__(self, threshold: float, alignment: Alignment, steps: int) -> None:
        super().__init__()
        self._threshold, self._steps = threshold, steps
        self.looks_at_labelled = True
        self.alignment = alignment
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, unlabelled: Tensor, labelled: Tensor | None) -> tuple[Tensor, Tensor]:
        """The aligned probabilities, and all or nothing of what the step grants."""
        assert labelled is not None
        aligned = self.alignment(unlabelled, labelled)
        sure = aligned.max(1).values >= self._threshold * labelled.max(1).values.mean()
        granted = 0.5 - 0.5 * math.cos(min(math.pi, 2 * math.pi * int(self.step) / self._steps))
        self.step += 1
        return aligned, granted * sure.to(unlabelled)


def _certain(probabilities: Tensor, classes: Tensor) -> Tensor:
    """All probability on one class of each row."""
    return one_hot(classes, probabilities.shape[1]).to(probabilities)


def _divided(numbers: Tensor, histogram: Tensor) -> Tensor:
    """0 where nothing has a share."""
    return torch.where(histogram > 0, numbers / histogram.clamp_min(1e-12), 0.0)


def _normal(numbers: Tensor) -> Tensor:
    return numbers / numbers.sum().clamp_min(1e-12)

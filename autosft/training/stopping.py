"""`Patience`: early stopping (Prechelt, 1998), asked from saved state, so that a resumed trial agrees."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autosft.contracts.recipe import Stop


@dataclass
class Patience:
    """The best epoch so far, and how long nothing much has changed.

    A higher score is better; an equal score with a lower loss is better too, because a score over few rows has ties.
    Where there is no loss the score decides alone.

    Attributes:
        score, loss, epoch: Those of the best epoch.
        waited: Epochs since one was better, or where the recipe asks for more, since the score had risen by so much.
        mark: The score from which that is counted.
    """

    score: float | None = None
    loss: float | None = None
    epoch: int = 0
    waited: int = 0
    mark: float | None = None

    def improves(self, score: float, loss: float | None, epoch: int, stop: Stop) -> bool:
        """Take note of an epoch; whether it is the best so far."""
        nearer = loss is not None and self.loss is not None and loss < self.loss
        better = self.score is None or score > self.score or (score == self.score and nearer)
        if better:
            self.score, self.loss, self.epoch = score, loss, epoch
        if self.mark is None or score > self.mark + stop.min_delta or (better and not stop.min_delta):
            self.waited, self.mark = 0, score
        else:
            self.waited += 1
        return better

    def exhausted(self, stop: Stop) -> bool:
        """Whether the stage should end."""
        return self.waited >= stop.patience

    def plain(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return asdict(self)

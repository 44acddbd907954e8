"""`Patience`: early stopping, asked at the head of every epoch from saved state (so that a resumed trial agrees)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autosft.contracts.recipe import Stop


@dataclass
class Patience:
    """The best epoch so far, and how long ago it was.

    A higher score is better; an equal score with a lower loss is better too, because a score over few rows has ties.
    """

    score: float | None = None
    loss: float = 0.0
    epoch: int = 0
    waited: int = 0

    def improves(self, score: float, loss: float, epoch: int, stop: Stop) -> bool:
        """Take note of an epoch; whether it is the best so far."""
        better = self.score is None or score > self.score + stop.min_delta or (score == self.score and loss < self.loss)
        if better:
            self.score, self.loss, self.epoch, self.waited = score, loss, epoch, 0
        else:
            self.waited += 1
        return better

    def exhausted(self, stop: Stop) -> bool:
        """Whether the stage should end."""
        return self.waited >= stop.patience

    def plain(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return asdict(self)

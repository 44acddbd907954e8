"""What came of a trial: `Trained`, or `Paused`."""

from __future__ import annotations

from dataclasses import dataclass

from autosft.contracts.record import Epoch
from autosft.contracts.tensors import Model
from autosft.training.evaluation import Evaluation
from autosft.training.progress import Progress


@dataclass(frozen=True)
class Trained:
    """What a trial became.

    Attributes:
        model: The trained model, with the best weights, finished.
        evaluation: Its answers on the validation rows; None if there are none, or another process has them.
        epochs: Every epoch, in order.
        best: For each stage, after how many epochs its kept weights stood.
        trained: The number of parameters that were trained.
        fitting: The seconds that the strategy's fits took, without those for encoding rows.
        notes: What the user should know, one line each.
    """

    model: Model
    evaluation: Evaluation | None
    epochs: tuple[Epoch, ...]
    best: dict[str, int]
    trained: int
    fitting: float
    notes: tuple[str, ...] = ()


class Paused(Exception):
    """The trial has done as many epochs as it was to do for now; its checkpoint is there.

    Attributes:
        epochs: Every epoch, in order.
        score: The best validation score of the last stage that was validated; None if nothing was.
        loss: The validation loss that came with it, if there is one.
        trained: The number of parameters that are trained.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.epochs, self.trained = tuple(progress.epochs), progress.trained
        self.score, self.loss = progress.score, progress.loss

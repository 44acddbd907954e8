"""`Facts`: what is known of a task before anything is trained. Strategies are asked with it, and costs follow."""

from __future__ import annotations

from autosft.contracts.document import Document


class Facts(Document):
    """Counts of rows and labels, and what there is to compute with.

    Attributes:
        train: Rows to train on.
        valid: Rows that trials are compared by.
        test: Rows that only the end of a search reads.
        unlabeled: Rows without any target.
        targets: How many of the training rows have each target: not all, where some are missing.
        folds: The folds beside the validation split, where trials may be cross-validated.
        classes: Different labels among the first problem's targets of training rows; 0 if targets are no labels.
        fewest: Training rows of the rarest of them.
        length: The median of `Modality.length` over training rows, in the modality's unit; 0 where all are alike.
        device: What a worker trains on, `"cuda"` or `"cpu"`; empty if that is not known here.
        memory: The bytes there that a worker may use; None if that is not known here.
    """

    train: int = 0
    valid: int = 0
    test: int = 0
    unlabeled: int = 0
    targets: tuple[int, ...] = ()
    folds: int = 0
    classes: int = 0
    fewest: int = 0
    length: float = 0.0
    device: str = ""
    memory: float | None = None

    @property
    def complete(self) -> bool:
        """Whether every training row has the target of every problem."""
        return all(count == self.train for count in self.targets)

"""`VicReg`, `SimClr` and `Dino`: an encoder makes the same of two views of a row, whatever the modality."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import Choice, Float, Space, Trial
from autosft_pretraining.pretraining import Pretraining, rates

if TYPE_CHECKING:
    from autosft.api.tensors import Encoder
    from autosft_pretraining.objective import Objective

_SHARED: Space = {
    **rates(passes=20),
    "optim.batch_size": Choice((64, 128, 32), doc="rows per optimizer step"),
}


class _TwoViews(Pretraining):
    """Each row is augmented twice, strongly."""

    views = ("strong", "strong")
    unlabeled_cost, optional = 2.0, True


@final
class VicReg(_TwoViews):
    """Variance, invariance and covariance (VICReg: Bardes et al., 2022): both views are projected to the same, every
    number of a projection varies over the rows, and no two vary together. No row is pushed away from another, so that
    small batches do."""

    name, prior, whole = "vicreg", 0.5, True
    space = _SHARED

    def objective(self, trial: Trial, encoder: Encoder) -> Objective:
        """The three terms."""
        from autosft_pretraining.agreement import VicRegLoss

        return VicRegLoss(encoder)


@final
class SimClr(_TwoViews):
    """Contrastive learning (SimCLR: Chen et al., 2020): each view is to be more like the other one of its row than like
    any of another row in the batch."""

    name, prior, whole = "simclr", 0.4, True
    space: ClassVar[Space] = {
        **_SHARED,
        "temperature": Float(0.05, 0.5, default=0.2, log=True, doc="by which similarities are divided"),
    }

    def objective(self, trial: Trial, encoder: Encoder) -> Objective:
        """The contrastive loss."""
        from autosft_pretraining.agreement import SimClrLoss

        return SimClrLoss(encoder, float(trial.parts.recipe.of(self.name)["temperature"]))


@final
class Dino(_TwoViews):
    """Self-distillation without labels (DINO: Caron et al., 2021), with one size of crops: what an average of the
    encoder's earlier weights makes of one view, centred and sharpened, is told from the other view."""

    name, prior = "dino", 0.3
    space: ClassVar[Space] = {
        **_SHARED,
        "momentum": Choice((0.99, 0.996), doc="how much of the teacher stays at each step"),
    }

    def objective(self, trial: Trial, encoder: Encoder) -> Objective:
        """A teacher, and what both are projected to."""
        from autosft_pretraining.distillation import SelfDistillation

        return SelfDistillation(encoder, float(trial.parts.recipe.of(self.name)["momentum"]))

"""`FixMatch`: rows without labels count where the model is sure of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import Float, Space, Trial
from autosft_semisupervised.consistency import SPACE, Consistency

if TYPE_CHECKING:
    from autosft_semisupervised.weighting import Weighting


@final
class FixMatch(Consistency):
    """A row counts if the most probable class is at least as probable as a fixed threshold, and that class is its label
    (Sohn et al., 2020). It supposes nothing of how frequent each class is. The threshold begins lower than the paper's
    0.95: a head of few labels is that sure of hardly any row, and a stage has few steps to become so.
    """

    name, prior, optional = "fixmatch", 0.5, True
    space: ClassVar[Space] = {
        **SPACE,
        "threshold": Float(0.5, 0.99, default=0.8, doc="from which probability on a row counts"),
    }

    def weighting(self, trial: Trial, classes: int, steps: int) -> Weighting:
        """All or nothing."""
        from autosft_semisupervised.weighting import FixedThreshold

        return FixedThreshold(float(trial.parts.recipe.of(self.name)["threshold"]))

"""`FreeMatch`: thresholds that follow what the model is sure of."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import Choice, Space, Trial
from autosft_semisupervised.consistency import SPACE, Consistency

if TYPE_CHECKING:
    from autosft_semisupervised.weighting import Weighting


@final
class FreeMatch(Consistency):
    """A row counts if the most probable class is at least as probable as the threshold of that class, which follows the
    model (Wang et al., 2023). It supposes nothing of how frequent each class is: a class has a lower threshold where
    its mean probability is lower, and the fairness term compares with what the model says itself.
    """

    name, prior, optional = "freematch", 0.5, True
    space: ClassVar[Space] = {
        **SPACE,
        "fairness": Choice((0.01, 0.0, 0.05), doc="weight of the fairness term"),
    }

    def weighting(self, trial: Trial, classes: int, steps: int) -> Weighting:
        """All or nothing."""
        from autosft_semisupervised.weighting import SelfAdaptive

        return SelfAdaptive(classes, float(trial.parts.recipe.of(self.name)["fairness"]))

"""`SoftMatch`: rows without labels count the less, the less sure the model is of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import Choice, Space, Trial
from autosft_semisupervised.consistency import SPACE, Consistency

if TYPE_CHECKING:
    from autosft_semisupervised.weighting import Weighting


@final
class SoftMatch(Consistency):
    """Every row counts: fully if the most probable class is at least as probable as that of the mean row, and less the
    further below it is, by a Gaussian of the measured width (Chen et al., 2023).

    How sure the model is of a row is judged after its answers are aligned. The paper aligns them to even classes. Here
    that is one choice; the first is to align them to the running mean of what the model answers to labelled rows, as in
    AdaMatch, because classes may be uneven. Labels are never aligned, so wrong proportions cost weight, and no more.
    """

    name, prior = "softmatch", 0.65
    space: ClassVar[Space] = {
        **SPACE,
        "alignment": Choice(("labelled", "uniform", "none"), doc="what mean answer sureness is judged by"),
    }

    def weighting(self, trial: Trial, classes: int, steps: int) -> Weighting:
        """From 0 to 1."""
        from autosft_semisupervised.running import Alignment
        from autosft_semisupervised.weighting import TruncatedGaussian

        return TruncatedGaussian(Alignment(str(trial.parts.recipe.of(self.name)["alignment"]), classes))

"""`AdaMatch`: a threshold relative to labelled rows, and answers in the proportions of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import Choice, Float, Space, Trial
from autosft_semisupervised.consistency import SPACE, Consistency

if TYPE_CHECKING:
    from autosft_semisupervised.weighting import Weighting


@final
class AdaMatch(Consistency):
    """A row counts if the most probable class is at least as probable as a fraction of what that is on average for the
    labelled rows of the step (Berthelot et al., 2022). Labelled rows are learned from in a strong view too.

    Labels are the answers, times the ratio of the mean answer to labelled rows to the mean answer to those without
    labels, both running. So classes are supposed to be as frequent among these as the model says of the labelled rows,
    and not even; where labelled rows were picked class by class and the others were not, `alignment` `"none"` is right.
    Random logit interpolation is left out: it is there for batch norms that see labelled rows alone and together with
    others, and here each view passes by itself, by default under fixed statistics.
    """

    name, prior, unlabeled_cost = "adamatch", 0.62, 2.1
    space: ClassVar[Space] = {
        **SPACE,
        "threshold": Float(
            0.6, 1.0, default=0.9, doc="from which fraction of the labelled rows' probability a row counts"
        ),
        "alignment": Choice(("labelled", "none"), doc="whether answers are moved to the proportions of labelled rows"),
    }

    def weighting(self, trial: Trial, classes: int, steps: int) -> Weighting:
        """All or nothing, more from step to step."""
        from autosft_semisupervised.running import Alignment
        from autosft_semisupervised.weighting import RelativeThreshold

        own = trial.parts.recipe.of(self.name)
        return RelativeThreshold(float(own["threshold"]), Alignment(str(own["alignment"]), classes), steps)

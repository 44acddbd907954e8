"""`Distill`: a student answers as an ensemble of earlier trials does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import SHARED, BackboneInfo, Facts, Float, Int, Problem, Runtime, Space, Stage, Strategy, Trial

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class Distill(Strategy):
    """Knowledge distillation (Hinton et al., 2015) by a patient teacher (Beyer et al., 2022): the models of earlier
    trials see the very views that the student sees, of rows with and without labels. No label counts.

    It is for one model in the place of several, and asks all of them at every step.
    """

    name, prior, optional = "distill", 0.4, True
    wants = frozenset({"teacher"})
    uses = frozenset(SHARED) - {
        *("regular.augment", "regular.mixup", "regular.cutmix", "regular.balance", "regular.label_smoothing"),
    }
    space: ClassVar[Space] = {
        "temperature": Float(1, 10, default=2, log=True, doc="softens the answers of both"),
        "stop.max_epochs": Int(4, 60, default=20, log=True, doc=SHARED["stop.max_epochs"].doc),
    }

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder in which something can be trained, for problems whose answers can be learned from."""
        return against_distilling(info, problems)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage]:
        """One stage over all rows."""
        from autosft_semisupervised.taught import patient_stage

        yield patient_stage(trial, runtime, model, self.name)


def against_distilling(info: BackboneInfo, problems: Sequence[Problem]) -> str:
    """Why answers of earlier trials cannot teach; an empty text if they can."""
    silent = [problem.name for problem in problems if not problem.offers("distillation_loss")]
    if silent:
        return f"answers of {', '.join(silent)} cannot be distilled"
    return "nothing in this encoder can be trained" if info.origin == "fitted" else ""

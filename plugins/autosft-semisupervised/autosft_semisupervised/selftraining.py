"""`SelfTraining`: a student learns from labelled rows, and from what earlier trials together answer to the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, final

from autosft.api import (
    SHARED,
    BackboneInfo,
    Choice,
    Facts,
    Fit,
    Float,
    Int,
    Problem,
    Runtime,
    Space,
    Stage,
    Strategy,
    Trial,
)
from autosft_semisupervised.distillation import against_distilling

if TYPE_CHECKING:
    from autosft.api.tensors import Model


@final
class SelfTraining(Strategy):
    """Self-training by the ensemble that the search would end with now (Lee, 2013; V-PET, 2025, arXiv 2503.09707).

    Its models, which are of several backbones and were trained in several ways, answer rows without labels together. A
    student learns from these answers as they are, so with the doubt that is in them (Hinton et al., 2015). Each row
    counts by how sure the answer is, times the square of the fraction of the models that give the same. The student
    sees all rows in a strong view (noisy student: Xie et al., 2020). Where the problem is one of classes, its head
    begins as logistic regression on frozen features (Kumar et al., 2022).

    An epoch is a pass over the rows without labels; the labelled ones begin anew whenever they end.
    """

    name, prior = "selftraining", 0.75
    wants = frozenset({"teacher", "unlabeled"})
    unlabeled_cost: ClassVar[float] = 1.5  # with half a labelled row
    uses = frozenset(SHARED) - {"regular.augment", "regular.mixup", "regular.cutmix", "regular.balance"}
    space: ClassVar[Space] = {
        "optim.lr": Float(1e-5, 1e-3, default=3e-4, log=True, doc=SHARED["optim.lr"].doc),
        "optim.head_lr": Float(1e-5, 3e-3, default=3e-4, log=True, doc=SHARED["optim.head_lr"].doc),
        "stop.max_epochs": Int(2, 20, default=6, log=True, doc="passes over the rows without labels"),
        "ratio": Choice((2, 1, 4), doc="rows without labels per labelled one in a step"),
        "trust": Float(0.1, 2.0, default=1.0, log=True, doc="how much answers of earlier trials count beside labels"),
    }

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder in which something can be trained, for problems whose answers can be learned from."""
        unsure = [problem.name for problem in problems if not problem.offers("pseudo_labels")]
        return against_distilling(info, problems) or (
            f"it does not know how sure answers of {unsure[0]} are" if unsure else ""
        )

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage | Fit]:
        """The head, and one stage from there."""
        from autosft_semisupervised.head import solve_head
        from autosft_semisupervised.taught import student_stage

        problems = trial.parts.problems
        if trial.parts.pretrained and len(problems) == 1 and problems[0].offers("is_logistic"):
            yield Fit("head", partial(solve_head, trial, runtime, model))
        yield student_stage(trial, runtime, model, self.name)

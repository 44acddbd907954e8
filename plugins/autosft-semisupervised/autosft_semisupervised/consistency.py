"""`Consistency`: what the strategies of consistency regularization share. Each says how rows without labels count."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

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

if TYPE_CHECKING:
    from autosft.api.tensors import Model
    from autosft_semisupervised.weighting import Weighting

OWN_VIEWS = {"regular.augment", "regular.mixup", "regular.cutmix"}
"""Labelled rows are seen in a light view, and those without labels in a strong one."""

SPACE: Space = {
    "optim.lr": Float(1e-5, 1e-3, default=1e-4, log=True, doc=SHARED["optim.lr"].doc),
    "optim.head_lr": Float(1e-5, 3e-3, default=1e-4, log=True, doc=SHARED["optim.head_lr"].doc),
    "optim.ema": Choice((0.99, 0.999, 0.0), doc=SHARED["optim.ema"].doc),
    "stop.max_epochs": Int(4, 30, default=10, log=True, doc="passes over the rows without labels"),
    "ratio": Choice((2, 1, 4), doc="rows without labels per labelled one in a step"),
    "labels": Choice(("none", "light"), doc="the view of rows without labels whose answers are their labels"),
    "fraction": Choice((1.0, 0.5), doc="fraction of the encoder's blocks, from the output on, that is trained"),
}
"""Rates are low, since the head is right from the start: with more, the first epochs lose what it knew."""


class Consistency(Strategy):
    """Rows without labels are to be answered in a strong view as they are in a plainer one.

    The head begins as logistic regression on the frozen features of the labelled rows, where these say anything (Kumar
    et al., 2022). Then one stage trains everything on steps of labelled rows, in a light view, and of rows without
    labels. What the model answers to these as they are (UDA: Xie et al., 2020) or to a light view, as in the papers of
    the strategies, is the label of the strong view, weighted as the strategy says. An epoch is a pass over the rows
    without labels; the labelled ones begin anew whenever they end. Validated and kept is an exponential moving average
    of the weights, as in all the papers.

    The recipe's `batch_size` counts the labelled rows of a step. Balance is not of use here: it would add to the
    probabilities what the labels are taken from.
    """

    wants = frozenset({"unlabeled"})
    unlabeled_cost: ClassVar[float] = 1.5
    uses = frozenset(SHARED) - OWN_VIEWS - {"regular.balance"}
    space: ClassVar[Space] = SPACE

    @abstractmethod
    def weighting(self, trial: Trial, classes: int, steps: int) -> Weighting:
        """How rows without labels count.

        Args:
            trial: Has the recipe.
            classes: How many there are.
            steps: How many the stage has at most.
        """

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder in which something can be trained, where each row is of one class."""
        if len(problems) > 1:
            return "it labels rows for one target"
        if not (problems[0].offers("is_logistic") and problems[0].offers("distillation_loss")):
            return f"it labels rows by class, which {problems[0].name} does not have"
        return "nothing in this encoder can be trained" if info.origin == "fitted" else ""

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage | Fit]:
        """The head, and one stage from there."""
        from autosft.api.tensors import last_blocks, train_only
        from autosft_semisupervised.head import solve_head
        from autosft_semisupervised.stage import consistency_stage

        if trial.parts.pretrained:
            yield Fit("head", partial(solve_head, trial, runtime, model))
            train_only(model.encoder, last_blocks(model.encoder, float(trial.parts.recipe.of(self.name)["fraction"])))
        yield consistency_stage(trial, runtime, model, self)

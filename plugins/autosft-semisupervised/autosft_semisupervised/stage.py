"""`consistency_stage`: the stage that all strategies of consistency regularization train in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, final

import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

from autosft.api import Runtime, Stage, Strength, Trial
from autosft.api.tensors import Batch, CombinedLoader, Loader, Model, Step, parameter_groups, row_losses
from autosft_semisupervised.weighting import Weighting

if TYPE_CHECKING:
    from autosft_semisupervised.consistency import Consistency

LABELLED, UNLABELLED = "labelled", "unlabelled"


def consistency_stage(trial: Trial, runtime: Runtime, model: Model, strategy: Consistency) -> Stage:
    """Labelled rows, and rows without labels in two views, epoch by epoch of the latter.

    Args:
        trial: What to train on.
        runtime: Where.
        model: What to train.
        strategy: Says how rows without labels count.
    """
    parts, recipe = trial.parts, trial.parts.recipe
    own = recipe.of(strategy.name)
    size, plain = int(own["ratio"]) * recipe.optim.batch_size, cast("Strength", own["labels"])
    unlabelled = Loader(parts, runtime, trial.unlabeled, [plain, "strong"], shuffle=True, batch_size=size)
    classes = len(parts.problems[0].classes(parts.states.problems[0]))
    weighting = strategy.weighting(trial, classes, recipe.stop.max_epochs * len(unlabelled)).to(runtime.device)
    labelled = Loader(parts, runtime, trial.train, weighting.labelled, shuffle=True)
    return Stage(
        name=strategy.name,
        model=model,
        batches=CombinedLoader({LABELLED: labelled, UNLABELLED: unlabelled}, length=UNLABELLED),
        loss=_Loss(trial, model, weighting),
        parameters=parameter_groups(recipe, model),
        epochs=recipe.stop.max_epochs,
        valid=trial.valid,
        divisible=weighting.divisible,
        keeps={"weighting": weighting},
    )


@final
class _Loss:
    """The loss of a step, or of a part of it: parts add up to the whole, and count their rows as the whole does.

    Args:
        trial: Has the problem, and the recipe.
        model: What is trained.
        weighting: How rows without labels count.
    """

    def __init__(self, trial: Trial, model: Model, weighting: Weighting) -> None:
        self._parts, self._model, self._weighting = trial.parts, model, weighting
        self._whole: Batch | None = None

    def __call__(self, step: Step) -> Tensor:
        parts, labelled, unlabelled = self._parts, step[LABELLED], step[UNLABELLED]
        many = _whole(labelled), _whole(unlabelled)
        labels, weights = self._judged(labelled, unlabelled)
        known = labelled.weights.new_zeros(())
        for view in _views(labelled, len(self._weighting.labelled)):
            known = known + row_losses(parts, self._model(view), view).sum() / len(many[0])
        (_, strong) = _views(unlabelled, 2)
        out = self._model(strong.without_targets())[0]
        (problem,), (state,), (recipe,) = parts.problems, parts.states.problems, parts.recipes
        losses = problem.distillation_loss(out, {"probabilities": labels}, state, recipe, 1.0)
        total = known + (losses * weights).sum() / len(many[1])
        total = total + self._weighting.penalty(self._probabilities(out), weights)
        return total * (sum(map(len, many)) / len(step))

    def _judged(self, labelled: Batch, unlabelled: Batch) -> tuple[Tensor, Tensor]:
        """The labels and weights of rows without labels: of all rows of the step at once, and of these among them."""
        whole = _whole(unlabelled)
        if self._whole is not whole:
            known = None
            if self._weighting.looks_at_labelled:
                known = self._answers(labelled, len(self._weighting.labelled))
            self._judgement = self._weighting(self._answers(unlabelled, 2), known)
            self._whole = whole
        start = whole.rows.index(unlabelled.rows[0])
        labels, weights = (tensor[start : start + len(unlabelled)] for tensor in self._judgement)
        return labels, weights

    def _answers(self, part: Batch, views: int) -> Tensor:
        """The probabilities of the classes in the first view of all rows of the step, without a gradient, as many rows
        at once as the part has."""
        device, (first, *_) = part.weights.device, _views(_whole(part).without_targets(), views)
        with torch.no_grad():
            outs = [self._model(some.to(device))[0] for some in first.split(len(part))]
            return self._probabilities(torch.cat(outs))

    def _probabilities(self, out: Tensor) -> Tensor:
        (problem,), (state,), (recipe,) = self._parts.problems, self._parts.states.problems, self._parts.recipes
        return problem.tensors(out, state, recipe)["probabilities"].float()


def _whole(batch: Batch) -> Batch:
    return batch.whole or batch


def _views(batch: Batch, count: int) -> Sequence[Batch]:
    """The batch in each of its views."""
    inputs: Any = batch.inputs if count > 1 else (batch.inputs,)
    return [replace(batch, inputs=view) for view in inputs]

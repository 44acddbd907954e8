"""`Probe`: a linear head on frozen features, solved to its optimum."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, final

from autosft.api import BackboneInfo, Facts, Fit, OutOfTime, Problem, Runtime, Strategy, Trial, seed_of
from autosft_strategies.reasons import against_freezing

if TYPE_CHECKING:
    from torch import Tensor

    from autosft.api.tensors import Model
    from autosft_strategies.linear import LinearProblem, Solution

STRENGTHS = (1e5, 3e4, 1e4, 3e3, 1e3, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""The L2 penalties to choose from, relative to the mean loss of a row, from strong to weak."""

FIRST = STRENGTHS.index(100.0)
"""Weaker ones are compared first. Stronger ones are for few rows whose numbers the features hardly tell."""

PAST_THE_BEST = 2
"""Weaker penalties take longest to solve; after this many that were worse than the best no further one is tried."""

LEAST_SCALE = 0.05
"""Features that hardly vary over the training rows are scaled as if they varied by this fraction of the mean deviation:
else one row in which such a feature does vary is answered with absurd confidence."""

FOLDS = 5
CHOOSING_ROWS = 3000
"""Cross-validation looks at no more rows than this; the final solution uses all."""

ENOUGH_HELD_OUT = 200
"""Sparse features are so many that a fold costs nearly what the final solution does: with this many rows held out no
further fold is tried."""


ENOUGH_ROWS = 300
"""With so many rows the penalty that was chosen in a trial's first fold serves its others, and the model of all rows:
one of a dozen numbers, which the rows of other folds had a small part in."""

ROOM_TO_SOLVE = 2.5
"""Another penalty is compared only if so many times the seconds of the last one are left."""


@final
class Probe(Strategy):
    """A linear head on frozen features under the problem's own loss (logistic or ridge regression), with an L2 penalty.

    L-BFGS (Liu and Nocedal, 1989) finds the optimum where the loss is convex in the head, as most are, by scikit-learn
    where it is that of logistic regression; the penalty with the lowest cross-validated loss on the training rows is
    taken. Features are standardized, and the scale is folded into the head; sparse features are taken as they are.
    """

    name, prior, cheap = "probe", 0.9, True

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """Any encoder that knows something before it is trained."""
        return against_freezing(info, problems)

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Fit]:
        """The heads, solved."""
        yield Fit("probe", partial(solve_heads, trial, runtime, model))


def solve_heads(trial: Trial, runtime: Runtime, model: Model) -> None:
    """Encode, choose the penalty, solve, and put the solution into the heads."""
    import torch

    from autosft.api.tensors import LinearHead, encode
    from autosft_strategies.linear import LinearProblem

    parts = trial.parts
    features = encode(parts, runtime, model.encoder, trial.train).float()
    mean, scale = moments(features)
    features = scaled(features, mean, scale)
    for position, head in enumerate(model.heads):
        if not isinstance(head, LinearHead):
            raise TypeError(
                f"Problem {parts.problems[position].name!r} needs just pooled features but has no LinearHead."
            )
        rows = trial.train.with_target(position)
        some = (
            features if len(rows) == len(features) else scaled(encode(parts, runtime, model.encoder, rows), mean, scale)
        )
        weights = torch.tensor(rows.weight, dtype=torch.float32)
        linear = LinearProblem(parts, runtime, position, head, some, rows.target(position), weights)
        known = ("penalty", parts.info.name, parts.recipe.seed, position)
        place = runtime.features.get(known) if len(some) >= ENOUGH_ROWS else None
        if place is None:
            place = runtime.features[known] = choose(trial, runtime, position, linear, some)
        weight, bias = unscaled(*linear.unturned(linear.on().solve(STRENGTHS[place], None)), mean, scale)
        with torch.no_grad():
            head.linear.weight.copy_(weight)
            head.linear.bias.copy_(bias)


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and scale of each feature; 0 and 1 for sparse features, which would not stay sparse."""
    import torch

    if features.layout != torch.strided:
        return torch.zeros(features.shape[1]), torch.ones(features.shape[1])
    scale = features.std(0, correction=0)
    return features.mean(0), scale.clamp_min(max(LEAST_SCALE * float(scale.mean()), 1e-6))


def scaled(features: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Standardized features; sparse ones as they are."""
    import torch

    return (features.float() - mean) / scale if features.layout == torch.strided else features.float()


def unscaled(weight: Tensor, bias: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The weight and the bias for features as they were before they were `scaled`."""
    weight = weight / scale
    return weight, bias - weight @ mean


def folds_of(trial: Trial, position: int, chosen: Tensor) -> Tensor:
    """The fold of each chosen row of those that have the problem's target, strata in proportion. Rows of a group share
    one, unless there is just one group."""
    import torch

    rows = trial.train.with_target(position).take(chosen.numpy())
    units = torch.from_numpy(rows.group_ids())
    units = units if units.any() else torch.arange(len(chosen))
    strata = trial.parts.problems[position].strata(rows.target(position))
    count = int(units.max()) + 1
    first = torch.full((count,), len(chosen)).scatter_reduce(0, units, torch.arange(len(chosen)), "amin")
    order = first
    if strata is not None:
        numbers = {stratum: number for number, stratum in enumerate(dict.fromkeys(strata))}
        order = first[torch.tensor([numbers[stratum] for stratum in strata])[first].argsort(stable=True)]
    fold = torch.empty(count, dtype=torch.int64)
    fold[units[order]] = torch.arange(count) % min(FOLDS, count)
    return fold[units]


def choose(trial: Trial, runtime: Runtime, position: int, linear: LinearProblem, features: Tensor) -> int:
    """The place in `STRENGTHS` of the penalty with the lowest cross-validated loss, of those that there is time to
    compare.

    Raises:
        OutOfTime: There is not even time for the first.
    """
    import torch

    draw = torch.Generator().manual_seed(seed_of(trial.parts.recipe.seed, "folds"))
    chosen = torch.randperm(len(features), generator=draw)[:CHOOSING_ROWS]
    folds = folds_of(trial, position, chosen)
    enough = FOLDS if features.layout == torch.strided else math.ceil(FOLDS * ENOUGH_HELD_OUT / len(chosen))
    numbers = range(min(enough, int(folds.max()) + 1))
    parts = [(linear.on(chosen[folds != fold]), linear.on(chosen[folds == fold])) for fold in numbers]
    solutions: dict[int, Solution] = {}
    losses: dict[int, float] = {}  # by place in STRENGTHS
    spent = 0.0
    while (place := _next(losses)) is not None:
        if runtime.seconds_left() < ROOM_TO_SOLVE * spent:  # as much again, and the final solution
            if not losses:
                raise OutOfTime("The time was up before the probe was fitted.")
            break
        total, started = 0.0, time.perf_counter()
        for fold, (train, held_out) in enumerate(parts):
            solutions[fold] = train.solve(STRENGTHS[place], solutions.get(fold))
            total += float(held_out.loss(solutions[fold]).sum())
        losses[place] = total
        spent = time.perf_counter() - started
    return min(losses, key=losses.__getitem__)


def _next(losses: Mapping[int, float]) -> int | None:
    """The place of the penalty to compare after these: ever weaker ones until the best is passed, then stronger ones
    if the first was the best of those. None when that is done."""
    if not losses:
        return FIRST
    best, weakest, strongest = min(losses, key=losses.__getitem__), max(losses), min(losses)
    if weakest - best < PAST_THE_BEST and weakest + 1 < len(STRENGTHS):
        return weakest + 1
    if best <= FIRST and best - strongest < PAST_THE_BEST and strongest > 0:
        return strongest - 1
    return None

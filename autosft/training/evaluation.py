"""`answer`: a model's outputs for rows. `assess`: outputs, tuned and scored. `evaluate`: both."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Rows
from autosft.contracts.scoring import known, mean_score, metrics_of, scorer, tuned
from autosft.contracts.state import State
from autosft.contracts.tensors import Model
from autosft.contracts.trial import Parts, Runtime
from autosft.data.resampling import bootstrap
from autosft.errors import Diverged
from autosft.training.device import halving
from autosft.training.features import encoded_batches
from autosft.training.loaders import longest_first
from autosft.training.seeds import seed_of

RESAMPLES = 200
ONE_SIGMA = (0.1587, 0.8413)
"""The quantiles at one standard deviation below and above the mean of a normal distribution."""


@dataclass(frozen=True)
class Evaluation:
    """Answers per target, the states as tuned on these rows, and the score (higher is better).

    The loss is the weighted mean of each target's `validation_loss` over the rows that have it, summed over targets by
    their weights: the same measure whatever a recipe trains with, so that trials can be compared by it. None if the
    problem of one has none.
    """

    outputs: tuple[Outputs, ...]
    states: tuple[State, ...]
    score: float
    loss: float | None


def answer(parts: Parts, runtime: Runtime, model: Model, rows: Rows, *, cached: bool = False) -> tuple[Outputs, ...]:
    """The outputs for each target for rows, in their order.

    Args:
        parts: Who answers.
        runtime: Where to compute.
        model: As it was built of them, and trained.
        rows: What to answer.
        cached: Whether the encoder is as it was loaded, so that encoded rows may come from the cache.
    """
    model.eval()
    order = longest_first(parts, rows)
    answers = halving(runtime, lambda: _answered(parts, runtime, model, rows.take(order), cached))
    back = np.argsort(order)
    return tuple(Outputs.concat(part).take(back) for part in answers)


def _answered(parts: Parts, runtime: Runtime, model: Model, rows: Rows, cached: bool) -> list[list[Outputs]]:
    """The outputs for each target, batch by batch."""
    answers: list[list[Outputs]] = [[] for _ in parts.problems]
    with torch.inference_mode():
        for batch in encoded_batches(parts, runtime, model.encoder, rows, cached=cached):
            outs = model(batch)
            for position, problem in enumerate(parts.problems):
                state = parts.states.problems[position]
                recipe = parts.recipes[position]
                answers[position].append(problem.outputs(outs[position], batch, state, recipe, model))
    return answers


def evaluate(parts: Parts, runtime: Runtime, model: Model, rows: Rows, *, cached: bool = False) -> Evaluation:
    """Answer, tune and score.

    Args:
        parts: Who answers.
        runtime: Where to compute.
        model: As it was built of them, and trained.
        rows: Rows with targets.
        cached: Whether the encoder is as it was loaded, so that encoded rows may come from the cache.

    Raises:
        Diverged: The score is not finite.
    """
    return assess(parts, answer(parts, runtime, model, rows, cached=cached), rows)


def assess(parts: Parts, answers: tuple[Outputs, ...], rows: Rows) -> Evaluation:
    """Tune and score answers.

    Each target is tuned and scored by its metric on the rows that have it; the score is the weighted mean over targets.

    Args:
        parts: Who answered.
        answers: The outputs for each target.
        rows: The rows that were answered, with targets.

    Raises:
        Diverged: The score is not finite.
    """
    states: list[State] = []
    asked, metrics = parts.task.targets, metrics_of(parts.task.targets, parts.problems)
    targets = [rows.target(position) for position in range(len(parts.problems))]
    losses: list[float | None] = []
    for position, (problem, metric) in enumerate(zip(parts.problems, metrics, strict=True)):
        state = parts.states.problems[position]
        states.append(tuned(problem, metric, answers[position], targets[position], state))
        outputs, true = known(answers[position], targets[position])
        if len(true):
            far, weight = problem.validation_loss(outputs, true, states[-1]), rows.with_target(position).weight
            weights = weight if weight.any() else None
            losses.append(None if far is None else asked[position].weight * float(np.average(far, weights=weights)))
    score = mean_score(asked, parts.problems, answers, targets, states)
    loss = None if None in losses else sum(one for one in losses if one is not None)
    if not math.isfinite(score) or not math.isfinite(loss or 0.0):
        raise Diverged(f"The validation {parts.task.score_name} is {score} and the loss {loss}.")
    return Evaluation(answers, tuple(states), score, loss)


def score_error(parts: Parts, evaluation: Evaluation, rows: Rows) -> float:
    """The standard error of the score over rows: half the central 68 % of its bootstrap (Efron, 1979).

    Not their standard deviation, because a score without a lower bound, such as R², may be as low as it likes on a draw
    of rows that are all alike. Where every draw has the same score, as of a handful of rows that are all right, the
    error is that of a fraction.
    """
    targets = [rows.target(position) for position in range(len(parts.problems))]
    score = scorer(parts.task.targets, parts.problems, evaluation.outputs, targets, evaluation.states)
    scores = bootstrap(score, rows.group_ids(), seed=seed_of(parts.recipe.seed, "bootstrap"), resamples=RESAMPLES)
    low, high = np.quantile(scores, ONE_SIGMA)
    return float(high - low) / 2 or _error_at_the_edge(len(set(rows.group_ids().tolist())))


def _error_at_the_edge(groups: int) -> float:
    """The standard error of a fraction of 1 or 0 among so many groups, whose draws are all alike: that of the fraction
    after one more success and one more failure (Laplace's rule of succession)."""
    fraction = (groups + 1) / (groups + 2)
    return math.sqrt(fraction * (1 - fraction) / groups)

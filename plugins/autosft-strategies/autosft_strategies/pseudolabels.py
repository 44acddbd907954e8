"""Linear heads on the features of several encoders that label rows without targets together. Imported when they fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # noqa: TID253
from threadpoolctl import threadpool_limits
from torch import Tensor  # noqa: TID253

from autosft.api import OutOfTime, Parts, Runtime, Trial
from autosft.api.tensors import Encoders, LinearHead, Model, note_pseudo_labels
from autosft_strategies.linear import LinearProblem, Solution
from autosft_strategies.probe import moments, scaled, unscaled

ROUNDS = 5
"""In so many rounds ever more of the rows are labelled, the surest first: a fifth more in each. More rounds gain more
where few labels tell the classes well, and lose where they do not: see docs/explanation/search.md."""

TRUST = 0.5
"""A pseudo-label counts so many times its confidence, times the square of the fraction of heads that agree with it; a
label counts 1."""

LENGTH = 10.0
"""The penalty is that of scikit-learn's `C` of 1 on features whose rows are so long, as the root of the mean square."""

GRADIENT = 1e-3
"""A head is good enough when no derivative of its objective is larger. A tenth of that takes twice as long, and is no
better."""

Floats = npt.NDArray[np.floating[Any]]


def solve_together(trial: Trial, runtime: Runtime, model: Model) -> None:
    """Put into the head what heads on all encoders have learned together, for the trial's own encoder.

    Raises:
        OutOfTime: There was no time to encode all rows, or for all rounds.
    """
    head = model.heads[0]
    if not isinstance(head, LinearHead):
        raise TypeError(f"Problem {trial.parts.problems[0].name!r} needs just pooled features but has no LinearHead.")
    encoders = Encoders(trial, runtime, model)
    views = [_view(parts) for parts in encoders.parts]
    learned_from = tuple(trial.train.numbers), tuple(trial.train.weight), len(trial.unlabeled), str(_own(trial.parts))
    place = "cotraining", tuple(sorted(views)), learned_from
    if place not in runtime.features:  # what one trial found serves those of the other backbones
        solved, labels = label_and_solve(trial, runtime, head, encoders.encode(trial.train + trial.unlabeled))
        runtime.features[place] = dict(zip(views, solved, strict=True)), labels
    heads, labels = runtime.features[place]
    note_pseudo_labels(trial, labels)
    weight, bias = heads[views[0]]
    with torch.no_grad():
        head.linear.weight.copy_(weight)
        head.linear.bias.copy_(bias)


def _view(parts: Parts) -> str:
    """By what encoder rows are seen, and how."""
    return f"{parts.info.name} {parts.recipe.of(parts.modality.name)} {parts.recipe.of(parts.family.prefix)}"


def _own(parts: Parts) -> dict[str, Any]:
    """All of a recipe that a head depends on, whatever the encoder."""
    recipe = parts.recipes[0]
    return {"regular": recipe.regular.plain(), "problem": recipe.of(parts.task.targets[0].problem)}


def label_and_solve(
    trial: Trial, runtime: Runtime, head: LinearHead, features: Sequence[Tensor]
) -> tuple[list[Solution], list[str]]:
    """A head for each encoder, learned from labelled rows and, round by round, from what all heads together answer to
    the others; and the labels from which they learned last.

    Args:
        trial: Its training rows are the labelled ones.
        runtime: Knows the time that is left.
        head: The head of the trial, for its number of outputs.
        features: Of each encoder, the labelled rows first, shapes (rows, width).

    Raises:
        OutOfTime: There was no time for all rounds.
    """
    parts, count = trial.parts, len(trial.train)
    problem, state, recipe = parts.problems[0], parts.states.problems[0], parts.recipes[0]
    targets: Tensor = problem.encode(trial.train.target(0), state)
    weights = torch.tensor(trial.train.weight, dtype=torch.float32)
    scales = [moments(one) for one in features]
    heads = [
        LinearProblem(parts, runtime, 0, head, scaled(one, *each), trial.train.target(0), weights)
        for one, each in zip(features, scales, strict=True)
    ]
    squares = [_mean_square(one) for one in features]
    chosen, labels, confidence = np.arange(0), targets[:0], weights[:0]
    solutions: list[Solution | None] = [None] * len(heads)
    for step in range(ROUNDS + 1):
        if step:
            found = [one.raw(solution)[count:] for one, solution in zip(heads, solutions, strict=True) if solution]
            answers = [problem.tensors(raw, state, recipe)["probabilities"].numpy() for raw in found]
            chosen, labels, confidence = pseudo_labels(answers, step / ROUNDS)
        rows = torch.cat([torch.arange(count), count + torch.from_numpy(chosen)])
        every = torch.cat([targets, labels]), torch.cat([weights, TRUST * confidence])
        for place, one in enumerate(heads):
            strength = squares[place] / (LENGTH**2 * float(every[1].sum()) * one.penalty(1.0))
            with threadpool_limits(1, "blas"):
                solutions[place] = one.relabelled(rows, *every).solve(strength, solutions[place], GRADIENT)
        if runtime.seconds_left() < 0:
            raise OutOfTime("The time was up while rows without targets were labelled.")
    pairs = zip(heads, solutions, scales, strict=True)
    classes = list(problem.classes(state))
    return (
        [unscaled(*one.unturned(solution), *each) for one, solution, each in pairs if solution],
        [classes[label] for label in labels.tolist()],
    )


def pseudo_labels(answers: Sequence[Floats], fraction: float) -> tuple[npt.NDArray[np.int64], Tensor, Tensor]:
    """The rows that several heads together are surest of: their positions, classes, and how much they are trusted.

    Args:
        answers: The probabilities that each head gives, shapes (rows, classes).
        fraction: How many of the rows.
    """
    mean = np.mean(answers, axis=0)
    chosen = surest(mean, fraction)
    labels = mean[chosen].argmax(1)
    agreeing = np.mean([one[chosen].argmax(1) == labels for one in answers], axis=0)
    return chosen, torch.from_numpy(labels), torch.from_numpy(mean[chosen].max(1) * agreeing**2).float()


def surest(probabilities: Floats, fraction: float) -> npt.NDArray[np.int64]:
    """The positions of the rows that are answered most surely, in order.

    Of each class come as many as the mean of its probabilities makes of the rows to be chosen, so that no class crowds
    out the others, and nothing is supposed of how many rows each has.

    Args:
        probabilities: Of each row, shape (rows, classes).
        fraction: How many of the rows.
    """
    labels = probabilities.argmax(1)
    counts = np.ceil(fraction * probabilities.sum(0)).astype(np.int64)
    order = np.argsort(-probabilities.max(1), kind="stable")
    return np.sort(np.concatenate([order[labels[order] == label][:most] for label, most in enumerate(counts)]))


def _mean_square(features: Tensor) -> float:
    """The mean squared length of a row of standardized, or of sparse features."""
    if features.layout == torch.strided:
        return float(features.shape[1])
    return float(features.values().float().square().sum()) / len(features)

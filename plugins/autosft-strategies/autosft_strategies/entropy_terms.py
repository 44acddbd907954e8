"""The loss of a head that is sure of its answers to rows without targets. Imported when `Entropy` fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

from autosft.api import Runtime, Trial
from autosft.api.tensors import LinearHead
from autosft_strategies.pseudolabels import Heads, Solved

SURE, KEPT = 0.3, 1.0
"""How much the entropy of the answers counts, and how far their mean is from the proportions, beside the mean loss of a
labelled row."""

LEAST = 1e-9
"""Probabilities nearer to 0 than that are taken for this."""


def solve_with_entropy(trial: Trial, runtime: Runtime, head: LinearHead, features: Sequence[Tensor]) -> Solved:
    """A head for each encoder, learned from labelled rows and from its own answers to the others. The arguments are
    those of `Heads`."""
    heads, parts = Heads(trial, runtime, head, features), trial.parts
    heads.learn(np.arange(0), heads.targets[:0], heads.weights[:0])
    problem, state, recipe = parts.problems[0], parts.states.problems[0], parts.recipes[0]
    proportions = torch.from_numpy(np.mean(heads.answers(), axis=(0, 1)))
    count, total = len(heads.weights), float(heads.weights.sum())

    def value(out: Tensor) -> Tensor:
        losses = problem.loss(out[:count], heads.targets, state, recipe) * heads.weights
        answers = problem.tensors(out[count:], state, recipe)["probabilities"]
        return losses.double().sum() / total + unsure(answers, proportions)

    heads.descend(value)
    return heads.solutions(), []


def unsure(answers: Tensor, proportions: Tensor) -> Tensor:
    """The mean entropy of answers, shape (rows, classes), and the divergence of their mean from proportions (classes,),
    weighted."""
    answers, proportions = answers.double().clamp_min(LEAST), proportions.double().clamp_min(LEAST)
    mean = answers.mean(0)
    entropy = -(answers * answers.log()).sum(1).mean()
    return SURE * entropy + KEPT * (mean * (mean / proportions).log()).sum()

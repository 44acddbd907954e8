"""A linear head that is sure of its answers to rows without targets, and keeps their proportions. Imported when
`Entropy` fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch  # noqa: TID253
from torch import Tensor  # noqa: TID253

from autosft.api import Runtime, Trial
from autosft.api.tensors import LinearHead
from autosft_strategies.linear import Solution
from autosft_strategies.pseudolabels import Heads

SURE, EVEN = 0.3, 0.3


def solve_with_entropy(
    trial: Trial, runtime: Runtime, head: LinearHead, features: Sequence[Tensor]
) -> list[Solution]:
    heads = Heads(trial, runtime, head, features)
    heads.learn(np.arange(0), heads.targets[:0], heads.weights[:0])
    parts, count = trial.parts, len(heads.weights)
    problem, state, recipe = parts.problems[0], parts.states.problems[0], parts.recipes[0]
    prior = torch.from_numpy(np.mean(heads.answers(), axis=(0, 1)))
    total = float(heads.weights.sum())

    def value(out: Tensor) -> Tensor:
        losses = problem.loss(out[:count], heads.targets, state, recipe) * heads.weights
        logs = out[count:].log_softmax(1)
        entropy = -(logs.exp() * logs).sum(1).mean()
        mean = logs.exp().mean(0)
        away = (mean * (mean.clamp_min(1e-12).log() - prior.log())).sum()
        return losses.double().sum() / total + SURE * entropy + EVEN * away

    heads.descend(value)
    return heads.solutions()

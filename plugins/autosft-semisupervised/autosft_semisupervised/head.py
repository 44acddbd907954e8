"""`solve_head`: a head that is right before the encoder is trained."""

from __future__ import annotations

import numpy as np
import torch  # noqa: TID253

from autosft.api import Runtime, Trial
from autosft.api.tensors import LinearHead, Model, encode

STRENGTH = 300.0
"""The L2 penalty of the head, relative to the mean loss of a row; standardized features have their number as scale."""

LEAST_SCALE = 0.05
"""Features that hardly vary are scaled as if they varied by this fraction of the mean deviation."""


def solve_head(trial: Trial, runtime: Runtime, model: Model) -> None:
    """Put logistic regression on the frozen features of the labelled rows into the head of a model for classes."""
    from sklearn.linear_model import LogisticRegression

    parts, (head,) = trial.parts, model.heads
    if not isinstance(head, LinearHead):
        raise TypeError(f"Problem {parts.problems[0].name!r} needs just pooled features but has no LinearHead.")
    features = encode(parts, runtime, model.encoder, trial.train).double().numpy()
    mean, scale = features.mean(0), features.std(0)
    scale = scale.clip(max(LEAST_SCALE * scale.mean(), 1e-6))
    labels = parts.problems[0].encode(trial.train.target(0), parts.states.problems[0]).numpy()
    if len(np.unique(labels)) < 2:
        return
    inverse = features.shape[1] / (STRENGTH * len(features))
    solved = LogisticRegression(C=inverse, max_iter=1000).fit((features - mean) / scale, labels, trial.train.weight)
    coefficients, intercepts = solved.coef_, solved.intercept_
    if len(coefficients) == 1:  # of two classes scikit-learn has the second one's scores alone
        coefficients, intercepts = np.stack([-1, 1])[:, None] * coefficients / 2, np.array([-1, 1]) * intercepts / 2
    weight = coefficients / scale
    bias = intercepts - weight @ mean
    with torch.no_grad():
        there = torch.from_numpy(solved.classes_)
        head.linear.weight[there] = torch.from_numpy(weight).to(head.linear.weight)
        head.linear.bias[there] = torch.from_numpy(bias).to(head.linear.bias)

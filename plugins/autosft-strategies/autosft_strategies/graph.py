"""Answers that spread over a graph of rows that lie near to each other. Imported when `Spreading` fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csgraph, csr_array, eye_array
from torch import Tensor, strided  # noqa: TID253

from autosft.api import OutOfTime, Runtime, Trial
from autosft.api.tensors import LinearHead
from autosft_strategies.pseudolabels import Floats, Solved, label_and_solve

NEIGHBORS = 20
"""So many neighbors each row has as each encoder sees it."""

ALPHA = 0.5
"""This fraction of what is believed of a row comes from its neighbors."""

STEPS = 20
"""After so many nothing changes any more: ALPHA to this power is left."""


def spread_and_solve(trial: Trial, runtime: Runtime, head: LinearHead, features: Sequence[Tensor]) -> Solved:
    """Like `label_and_solve`, but the heads' mean answers spread over a graph before rows are labelled by them.

    Raises:
        OutOfTime: There was no time for the graph, or for all rounds.
    """
    problem, state = trial.parts.problems[0], trial.parts.states.problems[0]
    known = np.eye(head.linear.out_features)[problem.encode(trial.train.target(0), state).numpy()]
    graph = graph_of(features)
    if runtime.seconds_left() < 0:
        raise OutOfTime("The time was up while neighbors were sought.")

    def spread_of(mean: Floats) -> Floats:
        found = spread(graph, np.concatenate([known, mean]))[len(known) :]
        return found / found.sum(1, keepdims=True)

    return label_and_solve(trial, runtime, head, features, spread_of)


def graph_of(features: Sequence[Tensor]) -> csr_array:
    """Rows that are each other's nearest neighbors by cosine, as any encoder sees them; symmetric and normalized, shape
    (rows, rows): the inverse root of the degrees, times how many encoders see an edge and from which ends, times the
    same root (Zhou et al., 2004)."""
    from sklearn.neighbors import kneighbors_graph
    from sklearn.preprocessing import normalize

    edges = csr_array(features[0].shape[:1] * 2)
    for one in features:
        near = kneighbors_graph(normalize(_matrix(one)), min(NEIGHBORS, len(one) - 1))
        edges = edges + near + near.T
    return csr_array(eye_array(len(features[0])) - csgraph.laplacian(csr_array(edges), normed=True))


def spread(graph: csr_array, believed: Floats) -> Floats:
    """What is believed of rows, shape (rows, classes), after it has spread to their neighbors and back."""
    found = believed
    for _ in range(STEPS):
        found = ALPHA * (graph @ found) + (1 - ALPHA) * believed
    return found


def _matrix(features: Tensor) -> Any:
    """Dense features as seen from their center; sparse ones as they are."""
    if features.layout == strided:
        return (features.float() - features.float().mean(0)).numpy()
    parts = (part.numpy() for part in (features.values(), features.col_indices(), features.crow_indices()))
    return csr_array(tuple(parts), shape=tuple(features.shape))

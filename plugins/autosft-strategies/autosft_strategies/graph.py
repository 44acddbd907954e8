"""Labels that spread over a graph of rows that lie near to each other. Imported when `Spreading` fits."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # noqa: TID253
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import normalize
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor  # noqa: TID253

from autosft.api import OutOfTime, Runtime, Trial
from autosft.api.tensors import LinearHead
from autosft_strategies.linear import Solution
from autosft_strategies.pseudolabels import TRUST, Heads

NEIGHBORS = 10
"""So many neighbors each row has by each encoder."""

ALPHA = 0.9
"""The fraction of a row's label that comes from its neighbors."""

POWER = 3.0
"""Similarities to this power weigh the edges."""


def spread_and_solve(
    trial: Trial, runtime: Runtime, head: LinearHead, features: Sequence[Tensor]
) -> list[Solution]:
    """A head for each encoder, learned from labelled rows and from what has spread to the others. The arguments are
    those of `Heads`.

    Raises:
        OutOfTime: There was no time for the graph.
    """
    heads = Heads(trial, runtime, head, features)
    graph = graph_of(features)
    if runtime.seconds_left() < 0:
        raise OutOfTime("The time was up while neighbors were sought.")
    reached, probabilities = spread(graph, heads.targets.numpy(), head.linear.out_features)
    labels = probabilities.argmax(1)
    heads.learn(np.arange(0), heads.targets[:0], heads.weights[:0])
    heads.learn(reached, torch.from_numpy(labels), TRUST * torch.from_numpy(sureness(probabilities)).float())
    return heads.solutions()


def sureness(probabilities):
    entropy = -(probabilities * np.log(probabilities.clip(1e-12))).sum(1)
    return 1 - entropy / np.log(probabilities.shape[1])


def graph_of(features: Sequence[Tensor]) -> csr_array:
    """The mean of the graphs of nearest neighbors, symmetric, of standardized features of each encoder, shape
    (rows, rows)."""
    graphs = []
    for one in features:
        directions = normalize(_matrix(one))
        near = csr_array(kneighbors_graph(directions, min(NEIGHBORS, len(one) - 1), mode="distance"))
        near.data = (1 - near.data**2 / 2).clip(0) ** POWER  # of directions that is the cosine
        graphs.append(near + near.T)
    return csr_array(sum(graphs))


def spread(graph, targets, outputs):
    labels = np.full(graph.shape[0], -1)
    labels[: len(targets)] = targets
    model = LabelSpreading(kernel=lambda *_: graph, alpha=ALPHA, max_iter=200, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(np.zeros((len(labels), 1)), labels)
    found = np.zeros((len(labels), outputs))
    found[:, model.classes_] = model.label_distributions_
    found = found[len(targets):]
    reached = np.flatnonzero(found.sum(1) > 0)
    return reached, found[reached]


def _matrix(features: Tensor) -> Any:
    if features.layout == torch.strided:
        return (features - features.mean(0)).numpy()
    parts = (part.numpy() for part in (features.values(), features.col_indices(), features.crow_indices()))
    return csr_array(tuple(parts), shape=tuple(features.shape))

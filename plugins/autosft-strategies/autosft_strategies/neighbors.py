"""`Neighbors`: a head that holds the training rows themselves. Imported when a `Knn` fits or is restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253
from torch.nn.functional import embedding_bag, normalize  # noqa: TID253


@final
class Neighbors(nn.Module):
    """The raw output of a problem: `scale` times the mean target of the `k` most similar kept rows, plus `shift`.

    Similar is what points the same way as seen from `center` (cosine). A neighbor counts as much as the exponential of
    its similarity divided by `temperature`, as in DINO (Caron et al., 2021), times its row's weight.

    Args:
        tensors: All that it knows, by name: `center` (width,), or (0,) where features are sparse; `keys`, the
            directions of the kept rows, shape (rows, width), or where features are sparse the values of a CSR matrix of
            this shape beside its `starts` and `columns`; `targets`, class numbers (rows,) or numbers (rows, outputs);
            `weights` (rows,); and of one element each `outputs`, `k`, `temperature`, `scale`, `shift`.
    """

    center: Tensor
    keys: Tensor
    starts: Tensor
    columns: Tensor
    targets: Tensor
    weights: Tensor
    outputs: Tensor
    k: Tensor
    temperature: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    @classmethod
    def of(cls, features: Tensor, targets: Tensor, weights: Tensor, outputs: int) -> Neighbors:
        """Keep rows.

        Args:
            features: Shape (rows, width), maybe a sparse CSR tensor.
            targets: As the problem encodes them; rows of a class without a number (-1) have no say.
            weights: The weights of the rows, shape (rows,).
            outputs: How many numbers the problem's raw output has.
        """
        sparse = features.layout != torch.strided
        center = torch.zeros(0) if sparse else features.mean(0)
        directions = _directions(features, center)
        tensors = {"center": center, "keys": directions.values() if sparse else directions}
        if sparse:
            tensors |= {"starts": directions.crow_indices(), "columns": directions.col_indices()}
        if targets.ndim == 1:
            weights, targets = weights * (targets >= 0), targets.clamp_min(0)
        numbers = {"outputs": outputs, "k": 1, "temperature": 0.1, "scale": 1.0, "shift": 0.0}
        tensors |= {"targets": targets, "weights": weights}
        return cls(tensors | {name: torch.tensor(number) for name, number in numbers.items()})

    def forward(self, encoded: Mapping[str, Tensor], target: Any = None) -> Tensor:
        """Raw outputs, shape (batch, outputs), whatever the target."""
        nearest, rows = self.similarities(encoded["pooled"]).topk(int(self.k))
        return self.scale * self.votes(nearest, rows, float(self.temperature)) + self.shift

    def similarities(self, features: Tensor) -> Tensor:
        """The cosine of each row of features with each kept row, shape (batch, rows)."""
        queries = _directions(features, self.center)
        if not len(self.center):
            size = (len(self.weights), features.shape[1])
            keys = torch.sparse_csr_tensor(self.starts, self.columns, self.keys, size, check_invariants=False)
            return (keys @ queries.to_dense().T).T
        return queries @ self.keys.T

    def votes(self, nearest: Tensor, rows: Tensor, temperature: float) -> Tensor:
        """The weighted mean of the targets of neighbors.

        Args:
            nearest: How similar they are, shape (batch, k).
            rows: Which of the kept rows they are, of the same shape.
            temperature: How much the more similar ones count for more.

        Returns:
            Shape (batch, outputs); of classes, the fraction of each.
        """
        fractions = (nearest / temperature + self.weights[rows].clamp_min(1e-12).log()).softmax(1)
        if self.targets.ndim > 1:
            return embedding_bag(rows, self.targets, per_sample_weights=fractions, mode="sum")
        none = torch.zeros(len(rows), int(self.outputs), device=fractions.device)
        return none.scatter_add(1, self.targets[rows], fractions)


def _directions(features: Tensor, center: Tensor) -> Tensor:
    """Features at length 1; dense ones as seen from a center, without which all that an encoder gives points much the
    same way (Wang et al., 2019)."""
    if features.layout == torch.strided:
        return normalize(features.float() - center, dim=1)
    features = features.to_sparse_csr()
    starts, values = features.crow_indices(), features.values().float()
    owner = torch.arange(len(features), device=values.device).repeat_interleave(starts.diff())
    squares = torch.zeros(len(features), device=values.device).index_add(0, owner, values.square())
    values = values / squares.sqrt().clamp_min(1e-12)[owner]
    return torch.sparse_csr_tensor(starts, features.col_indices(), values, features.shape, check_invariants=False)

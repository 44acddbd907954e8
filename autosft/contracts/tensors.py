"""The contracts that need torch: `Batch`, `Encoder`, `Model`, `LinearHead`; `Step` is in `steps`."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from autosft.contracts.graph import Graph
from autosft.contracts.modality import Meta
from autosft.errors import BadInput


@dataclass(frozen=True)
class Mixed:
    """What was mixed into the inputs of a batch: of each of its rows, another one.

    Attributes:
        targets: As those of the batch, but of the other rows.
        weights: Of the other rows, shape (rows,).
        lam: How much of the inputs is the rows' own, from 0 to 1.
    """

    targets: tuple[Any, ...]
    weights: Tensor
    lam: float


@dataclass(frozen=True)
class Batch:
    """Some rows, ready for a model.

    Attributes:
        inputs: What the encoder takes: a tensor, a list with one entry per row, or a mapping or tuple of these. Every
            tensor and list in it has one entry per row, so that a batch can be split.
        targets: One entry per problem, as `Problem.encode` gave it for the rows that have its target, or None if no row
            has; empty for unlabelled rows.
        rows: The ids of the rows.
        weights: The weights of the rows, shape (rows,).
        mixed: What was mixed into the inputs, if anything (`training/mixing.py`).
        encoded: What the encoder has made of the inputs before, if anything: the model does not encode them again.
        whole: The batch of the recipe of which this is a part, if it is one.
        present: One entry per problem: the positions of the rows that have its target, in the order of `targets`, shape
            (having,), or None if all have it; empty where no target is missing. A mask would wait for the device.
        meta: What is known of each row beside its inputs, as the first view left it, so that answers can be mapped
            back; one entry per row, or empty where that is not known, as of encoded rows from a cache.
    """

    inputs: Any
    targets: tuple[Any, ...]
    rows: tuple[str, ...]
    weights: Tensor
    mixed: Mixed | None = None
    encoded: Mapping[str, Tensor] | None = None
    whole: Batch | None = None
    present: tuple[Tensor | None, ...] = ()
    meta: tuple[Meta, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def having(self, position: int) -> Tensor | None:
        """The positions of the rows that have this problem's target; None if all have it."""
        return self.present[position] if self.present else None

    def count(self, position: int) -> int:
        """How many rows have this problem's target."""
        having = self.having(position)
        return len(self) if having is None else len(having)

    def without_targets(self) -> Batch:
        """The same rows, as they are when they are to be answered."""
        return replace(self, targets=(), mixed=None, present=())

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors in it."""
        counted: list[int] = []
        self._tensors(lambda tensor: counted.append(tensor.nbytes))
        return sum(counted)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on a device. What lies in pinned memory goes to a GPU while that computes."""
        beside = torch.device(device).type == "cuda"
        return self._tensors(lambda tensor: tensor.to(device, non_blocking=beside))

    def pin_memory(self) -> Batch:
        """The same batch in pinned memory, which only machines with a GPU have."""
        return self._tensors(lambda tensor: tensor.pin_memory())

    def _tensors(self, change: Callable[[Tensor], Any]) -> Batch:
        """The same batch with every tensor changed, those in lists among them."""

        def every(leaf: Any) -> Any:
            if isinstance(leaf, list):
                return [_map(every, entry) for entry in cast("list[Any]", leaf)]
            return change(leaf) if isinstance(leaf, Tensor) else leaf

        present = cast("tuple[Tensor | None, ...]", _map(every, self.present))
        return replace(self._each(every, range(len(self))), whole=self.whole, present=present)

    def split(self, size: int, *, together: int = 1) -> Iterator[Batch]:
        """Micro-batches of at most `size` rows, in order; 0 means one of all rows.

        Args:
            size: The most rows.
            together: So many rows, counted from the first on, stay in one part, even if that has more than `size` then.
        """
        size = max(together, size // together * together) if size else len(self)
        for start in range(0, len(self), size):
            yield self._between(start, min(start + size, len(self)))

    def parts(self, count: int, *, together: int = 1) -> Iterator[Batch]:
        """So many parts, or fewer where it has not as many rows, in order. They differ by a row at most, or by as many
        as stay together; rows that are left over go with the last part, so that none has fewer than that."""
        units = max(1, len(self) // together)
        count = min(count, units)
        ends = [math.ceil(number * units / count) * together for number in range(1, count)]
        for start, end in itertools.pairwise([0, *ends, len(self)]):
            yield self._between(start, end)

    def as_whole(self) -> Batch:
        """The same rows as a batch of their own, and no part of another."""
        return replace(self, whole=None)

    def _between(self, start: int, end: int) -> Batch:
        """A part of it."""

        def cut(leaf: Any) -> Any:
            return cast("Any", leaf)[start:end] if isinstance(leaf, (Tensor, list)) else leaf

        return replace(self._part(range(start, end), cut), whole=self.whole or self)

    def take(self, positions: Sequence[int]) -> Batch:
        """The rows at these positions, in this order."""
        return self._part(positions, lambda leaf: _picked(leaf, positions))

    def _part(self, positions: Sequence[int], change: Callable[[Any], Any]) -> Batch:
        """The rows at these positions, which `change` takes of all that has one entry per row. Of a problem whose
        targets some rows lack, it has the targets of those among them that have one."""
        whole = [self.having(problem) is None for problem in range(len(self.targets))]
        targets = tuple(target if all_there else None for target, all_there in zip(self.targets, whole, strict=True))
        some = replace(self, targets=targets)._each(change, positions)
        return some if all(whole) else self._with_present(some, positions)

    def _with_present(self, some: Batch, positions: Sequence[int]) -> Batch:
        targets, present = list(some.targets), list(self.present)
        for problem, having in enumerate(self.present):
            if having is None:
                continue
            places = {int(row): place for place, row in enumerate(having)}
            there = [new for new, old in enumerate(positions) if old in places]
            kept = [places[positions[new]] for new in there]
            targets[problem] = (
                _map(lambda leaf, kept=kept: _picked(leaf, kept), self.targets[problem]) if kept else None
            )
            all_there = len(there) == len(positions)
            present[problem] = None if all_there else torch.tensor(there, dtype=torch.int64, device=having.device)
        return replace(some, targets=tuple(targets), present=tuple(present))

    def _each(self, change: Callable[[Any], Any], positions: Sequence[int]) -> Batch:
        """A batch of the rows at these positions, all else that has one entry per row changed alike."""
        mixed = self.mixed
        if mixed:
            mixed = Mixed(_map(change, mixed.targets), change(mixed.weights), mixed.lam)
        inputs, targets, encoded = (_map(change, part) for part in (self.inputs, self.targets, self.encoded))
        rows = tuple(self.rows[position] for position in positions)
        meta = tuple(self.meta[position] for position in positions) if self.meta else ()
        return Batch(inputs, targets, rows, change(self.weights), mixed, encoded, meta=meta)


def _picked(leaf: Any, positions: Sequence[int]) -> Any:
    """The entries at these positions of a tensor or list with one per row."""
    if isinstance(leaf, list):
        return [cast("list[Any]", leaf)[position] for position in positions]
    return leaf[list(positions)] if isinstance(leaf, Tensor) else leaf


def _map(change: Callable[[Any], Any], value: Any) -> Any:
    """Change every leaf of nested mappings and tuples. A list is a leaf: one entry per row."""
    if isinstance(value, Mapping):
        return {key: _map(change, entry) for key, entry in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, tuple):
        return tuple(_map(change, entry) for entry in cast("tuple[Any, ...]", value))
    return change(value)


class Encoder(nn.Module):
    """A backbone, built. `forward` takes inputs and gives a mapping from `"pooled"` (batch, width), `"tokens"`
    (batch, length, width), `"maps"` (batch, channels, height, width) or `"logits"` to tensors. Where rows differ in
    length, `"mask"` (batch, length) is true for the tokens that are there. An encoder that learns nothing by gradients
    may give `"pooled"` as a sparse CSR tensor, such as counts of words.

    Attributes:
        widths: The width of each output.
    """

    widths: Mapping[str, int]

    @abstractmethod
    def forward(self, inputs: Any) -> Mapping[str, Tensor]:
        """Encode a batch; the inputs are what the modality's `collate` gave, on the device."""

    def blocks(self) -> Sequence[Sequence[str]]:
        """The names of all parameters in groups, from input to output; layer decay goes by them."""
        groups: dict[str, list[str]] = {}
        for name, _ in self.named_parameters():
            groups.setdefault(name.split(".")[0], []).append(name)
        return list(groups.values())

    def graph(self) -> Graph:
        """The encoder as a graph of tensors; by default it takes a batch's inputs as they are, one tensor.

        Raises:
            BadInput: It cannot be one, because it takes other things than tensors.
        """
        return Graph(self, _one_tensor)


def _one_tensor(inputs: Any) -> Mapping[str, Tensor]:
    if not isinstance(inputs, Tensor) or inputs.layout != torch.strided:
        raise BadInput("its encoder takes other things than tensors")
    return {"inputs": inputs}


class LinearHead(nn.Module):
    """A linear layer on `"pooled"`, with dropout before it; in single precision, whatever the encoder computes in."""

    def __init__(self, width: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        """Drops a fraction of its inputs in training."""
        self.linear = nn.Linear(width, outputs)
        """From `"pooled"` to the outputs; it begins with zeros."""
        for weights in self.linear.parameters():
            nn.init.zeros_(weights)

    def forward(self, encoded: Mapping[str, Tensor], target: Any = None) -> Tensor:
        """Raw outputs, shape (batch, outputs), whatever the target."""
        pooled = encoded["pooled"].float()
        with torch.autocast(pooled.device.type, enabled=False):
            return self.linear(self.dropout(pooled))


_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class Model(nn.Module):
    """An encoder and one head per problem. `forward` gives one raw output per problem.

    Args:
        encoder: The encoder.
        heads: The heads.
        keeps_statistics: Whether the encoder's batch norms keep their running statistics and use them in training too.
    """

    def __init__(self, encoder: Encoder, heads: Sequence[nn.Module], *, keeps_statistics: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleList(heads)
        self._keeps_statistics = keeps_statistics

    def train(self, mode: bool = True) -> Model:
        """As any module, except that a part whose weights are all frozen stays as it is when it answers: what a norm
        knows of its inputs belongs to the weights around it, and would else drift away from them; and dropout would
        only blur what cannot adapt to it. So do all batch norms of an encoder that keeps its statistics."""
        super().train(mode)
        for part in self.modules() if mode else ():
            weights = list(part.parameters())
            if weights and not any(weight.requires_grad for weight in weights):
                part.eval()
        for part in self.encoder.modules() if mode and self._keeps_statistics else ():
            if isinstance(part, _BATCH_NORMS):
                part.eval()
        return self

    def forward(self, batch: Batch) -> tuple[Any, ...]:
        """One raw output per target, in the order of the task's targets, which share what the encoder makes of the
        rows. Of a batch with targets, those of the rows that have the problem's target; None if no row has."""
        encoded = self.encoder(batch.inputs) if batch.encoded is None else batch.encoded
        targets = batch.targets or (None,) * len(self.heads)
        outs: list[Any] = []
        for position, (head, target) in enumerate(zip(self.heads, targets, strict=True)):
            having = batch.having(position)
            some = encoded if having is None else {name: _at(rows, having) for name, rows in encoded.items()}
            outs.append(head(some, target) if having is None or len(having) else None)
        return tuple(outs)


def _at(rows: Tensor, positions: Tensor) -> Tensor:
    """The rows at these positions, of a dense tensor or a sparse CSR one."""
    if rows.layout == torch.strided:
        return rows.index_select(0, positions)
    return rows.to_sparse_coo().index_select(0, positions).to_sparse_csr()

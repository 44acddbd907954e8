"""The words that need torch, as no other contract does: `Batch`, `Step`, `Encoder`, `Graph`, `Model`, `LinearHead`."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from autosft.errors import BadInput


@dataclass(frozen=True)
class Mixed:
    """What was mixed into the inputs of a batch: of each of its rows, another one.

    Attributes:
        targets: As those of the batch, but of the other rows.
        weights: Of the other rows, shape (rows,).
        share: How much of the inputs is the rows' own, from 0 to 1.
    """

    targets: tuple[Any, ...]
    weights: Tensor
    share: float


@dataclass(frozen=True)
class Batch:
    """Some rows, ready for a model.

    Attributes:
        inputs: What the encoder takes: a tensor, a list with one entry per row, or a mapping or tuple of these. Every
            tensor and list in it has one entry per row, so that a batch can be split.
        targets: One entry per problem, as `Problem.encode` gave it; empty for unlabelled rows.
        rows: The ids of the rows.
        weights: The weights of the rows, shape (rows,).
        mixed: What was mixed into the inputs, if anything (`training/mixing.py`).
        encoded: What the encoder has made of the inputs before, if anything: the model does not encode them again.
        whole: The batch of which this is a part, if it is one.
    """

    inputs: Any
    targets: tuple[Any, ...]
    rows: tuple[str, ...]
    weights: Tensor
    mixed: Mixed | None = None
    encoded: Mapping[str, Tensor] | None = None
    whole: Batch | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def without_targets(self) -> Batch:
        """The same rows, as they are when they are to be answered."""
        return replace(self, targets=(), mixed=None)

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

        return replace(self._each(every, self.rows), whole=self.whole)

    def split(self, size: int) -> Iterator[Batch]:
        """Micro-batches of at most `size` rows, in order; 0 means one of all rows."""
        size = size or len(self)
        for start in range(0, len(self), size):
            part = slice(start, start + size)

            def cut(leaf: Any, part: slice = part) -> Any:
                if isinstance(leaf, (Tensor, list)):
                    return cast("Any", leaf)[part]
                return leaf

            yield replace(self._each(cut, self.rows[part]), whole=self)

    def take(self, positions: Sequence[int]) -> Batch:
        """The rows at these positions, in this order."""

        def pick(leaf: Any) -> Any:
            if isinstance(leaf, list):
                return [cast("list[Any]", leaf)[position] for position in positions]
            return leaf[list(positions)] if isinstance(leaf, Tensor) else leaf

        return self._each(pick, tuple(self.rows[position] for position in positions))

    def _each(self, change: Callable[[Any], Any], rows: tuple[str, ...]) -> Batch:
        """A batch of these rows, all that has one entry per row changed alike."""
        mixed = self.mixed
        if mixed:
            mixed = Mixed(_map(change, mixed.targets), change(mixed.weights), mixed.share)
        inputs, targets, encoded = (_map(change, part) for part in (self.inputs, self.targets, self.encoded))
        return Batch(inputs, targets, rows, change(self.weights), mixed, encoded)


class Step:
    """What a stage is trained on at once, where that is more than one batch, such as labelled rows and others. It is as
    long as all of them together; what has to be done in parts has its share of each.

    Args:
        batches: By the names of their streams.
    """

    def __init__(self, batches: Mapping[str, Batch]) -> None:
        self._batches = dict(batches)

    def __getitem__(self, name: str) -> Batch:
        return self._batches[name]

    def __len__(self) -> int:
        return sum(map(len, self._batches.values()))

    def to(self, device: torch.device | str) -> Step:
        """The same batches on a device."""
        return Step({name: batch.to(device) for name, batch in self._batches.items()})

    def split(self, size: int) -> Iterator[Step]:
        """Parts of about `size` rows over all streams, each with its share of every stream, in order; 0 means one of
        all rows."""
        shortest = min(map(len, self._batches.values()))
        parts = max(1, min(math.ceil(len(self) / size), shortest)) if size else 1
        for part in range(parts):
            yield Step({name: _share(batch, part, parts) for name, batch in self._batches.items()})


def _share(batch: Batch, part: int, parts: int) -> Batch:
    """One of so many parts of a batch, which differ by a row at most."""
    some = batch.take(range(part * len(batch) // parts, (part + 1) * len(batch) // parts))
    return replace(some, whole=batch)


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
        """Encode a batch."""

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


@dataclass(frozen=True)
class Graph:
    """What an export makes a file of, in place of an encoder.

    Attributes:
        module: Takes the tensors, by position, and gives what the encoder gives.
        tensors: From a batch's inputs to the tensors by name, each batch first.
        varying: By the names of tensors, the axes beside the first that differ from batch to batch, and what they are
            called.
        preparation: What must be known to make the tensors without AutoSFT, as plain JSON.
        files: What else is needed for that, such as a tokenizer, by file name.
    """

    module: nn.Module
    tensors: Callable[[Any], Mapping[str, Tensor]]
    varying: Mapping[str, Mapping[int, str]] = field(default_factory=dict[str, Mapping[int, str]])
    preparation: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


class LinearHead(nn.Module):
    """A linear layer on `"pooled"`, with dropout before it; in single precision, whatever the encoder computes in."""

    def __init__(self, width: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

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
        """One raw output per problem, in the order of the task's problems, which share what the encoder makes of the
        rows."""
        encoded = self.encoder(batch.inputs) if batch.encoded is None else batch.encoded
        targets = batch.targets or (None,) * len(self.heads)
        return tuple(head(encoded, target) for head, target in zip(self.heads, targets, strict=True))

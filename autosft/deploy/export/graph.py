"""`AnswerGraph`: all members of a bundle as one module, from tensors to answers. Knows no file format.

Members that are fed alike share an input; others have one each, all for the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor, nn

from autosft.contracts.document import sha256_of
from autosft.contracts.graph import Graph
from autosft.contracts.rows import Rows
from autosft.contracts.trial import Parts, Runtime
from autosft.deploy.predictor import Predictor
from autosft.training.loaders import Loader


@dataclass(frozen=True)
class Feed:
    """How rows become the tensors of some members.

    Attributes:
        parts: Of one of the members that are fed so.
        graph: Its encoder.
        suffix: Stands behind the names of the tensors, where not all members are fed alike.
        names: The names of the tensors, in the order in which the encoder takes them; known when rows were seen.
    """

    parts: Parts
    graph: Graph
    suffix: str
    names: list[str] = field(default_factory=list[str])

    def tensors(self, rows: Rows) -> Mapping[str, Tensor]:
        """The tensors for rows, by name."""
        (batch,) = Loader(
            self.parts, Runtime(self.parts.modality.read, torch.device("cpu")), rows, batch_size=len(rows)
        ).epoch()
        made = {f"{name}{self.suffix}": tensor for name, tensor in self.graph.tensors(batch.inputs).items()}
        self.names[:] = made
        return made

    def preparation(self) -> dict[str, Any]:
        """What must be known to make the tensors elsewhere."""
        parts = self.parts
        seen = parts.modality.preparation(parts.info.inputs, parts.recipe, parts.states.modality)
        return {**seen, **self.graph.preparation}


@final
class AnswerGraph(nn.Module):
    """From the tensors of all feeds, by position, to the outputs in `names`, averaged.

    Args:
        predictor: What is to become a graph.

    Attributes:
        feeds: What the tensors are made from.
        names: The outputs, as pairs of a target's position and the name of its array; known when it was
            traced.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.feeds: list[Feed] = []
        self.names: list[tuple[int, str]] = []
        self._weights, self._problems = predictor.weights, predictor.members[0][0].problems
        self._parts = [parts for parts, _ in predictor.members]
        graphs = [model.encoder.graph() for _, model in predictor.members]
        self.encoders = nn.ModuleList(graph.module for graph in graphs)
        self.heads = nn.ModuleList(model.heads for _, model in predictor.members)
        feeds: dict[str, Feed] = {}
        for parts, graph in zip(self._parts, graphs, strict=True):
            suffix = f"_{len(feeds) + 1}" if feeds else ""
            feeds.setdefault(_key(parts, graph), Feed(parts, graph, suffix))
        self.feeds = list(feeds.values())
        self._fed = [list(feeds).index(_key(parts, graph)) for parts, graph in zip(self._parts, graphs, strict=True)]

    def tensors(self, rows: Rows) -> dict[str, Tensor]:
        """All tensors for rows, by name, in the order of `forward`."""
        return {name: tensor for feed in self.feeds for name, tensor in feed.tensors(rows).items()}

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The outputs in `names`."""
        return tuple(self.combined(*tensors).values())

    def combined(self, *tensors: Tensor) -> dict[tuple[int, str], Tensor]:
        """The mean of the members' answers, weighted by their weights."""
        remaining = list(tensors)
        taken = [[remaining.pop(0) for _ in feed.names] for feed in self.feeds]
        combined: dict[tuple[int, str], Tensor] = {}
        for number, weight in enumerate(self._weights):
            parts = self._parts[number]
            encoded = self.encoders[number](*taken[self._fed[number]])
            for place, head in enumerate(self.heads[number]):  # type: ignore[arg-type]
                out = head(encoded, None)
                answers = self._problems[place].tensors(out, parts.states.problems[place], parts.recipes[place])
                for name, answer in answers.items():
                    earlier = combined.get((place, name))
                    combined[place, name] = weight * answer if earlier is None else earlier + weight * answer
        return combined


def _key(parts: Parts, graph: Graph) -> str:
    """All that decides what rows are made into."""
    modality = parts.modality
    own = {name: value for name, value in parts.recipe.of(modality.name).items() if name not in modality.augmentation}
    files = {name: sha256_of(content) for name, content in graph.files.items()}
    seen = [parts.info.inputs.plain(), own, parts.states.modality.digest(), graph.preparation, files]
    return json.dumps(seen, sort_keys=True, default=str)


def varying_axes(graph: AnswerGraph) -> dict[str, dict[int, str]]:
    """By the names of the tensors, the axes whose length differs from batch to batch."""
    return {
        name: {0: "batch", **feed.graph.varying.get(name.removesuffix(feed.suffix), {})}
        for feed in graph.feeds
        for name in feed.names
    }


def traced(graph: AnswerGraph, rows: Rows) -> torch.export.ExportedProgram:
    """The graph as torch traces it (torch.export).

    Args:
        graph: What to trace.
        rows: Two rows or more.
    """
    tensors = graph.tensors(rows)
    axes = varying_axes(graph)
    dynamic = tuple(dict.fromkeys(axes[name], torch.export.Dim.DYNAMIC) for name in tensors)
    with torch.no_grad():
        graph.names = list(graph.combined(*tensors.values()))
        return torch.export.export(graph, tuple(tensors.values()), dynamic_shapes={"tensors": dynamic}, strict=False)

"""`cases_of`: test classes for parts that are installed, out of the conformance classes and what is at hand here.

A part's own tests know data of its kind. Here data comes from whoever asks for the review, encoders' inputs and weights
from whatever is installed beside the part; where something is not at hand, what needs it is skipped with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, Inputs, WeightFile, WeightSource
from autosft.contracts.executor import Executor
from autosft.contracts.metric import Metric
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.strategy import Strategy
from autosft.errors import BadInput
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.testing import conformance
from autosft.testing.toy import ToyModality, make_points

TARGETS: tuple[Sequence[Any], ...] = (
    ["a", "b", "a", "c", "b", "c", "a", "b"],
    [0.5, 2.25, 1.0, 0.0, 7.5, 2.0, 2.5, 12.0],
    [0, 3, 1, 0, 7, 2, 2, 12],
    [("a", "b"), (), ("b",), ("a",), ("c",), ("a", "c"), ("b", "c"), ("c",)],
    [(0.5, 1.0), (2.25, 0.0), (1.0, 3.5), (0.0, 2.0), (7.5, 1.5), (2.0, 0.5), (2.5, 2.5), (12.0, 1.0)],
)
"""Targets as they are usually written: one label, a number, a count, any number of labels, several numbers."""

NETWORK = 30
"""The `order` from which on sources of weights ask a network."""


def cases_of(parts: Sequence[tuple[str, str]], data: Sequence[str]) -> dict[str, type]:
    """A test class for each part, by its kind and name.

    Args:
        parts: Kinds and names of installed parts.
        data: Paths of data; each modality is shown the first that it recognizes.
    """
    registry, paths = load(), [Path(path) for path in data]
    offered = {
        "modality": lambda name: _modality(registry.modality(name), paths),
        "backbone": lambda name: _backbone(registry.family(name), paths),
        "problem": lambda name: _problem(registry.problem(name)),
        "metric": lambda name: _metric(registry, *name.split(".", 1)),
        "strategy": lambda name: _strategy(registry.strategy(name)),
        "weights": lambda name: _weights(next(source for source in registry.weights if source.name == name)),
        "executor": lambda name: _executor(registry.executor(name)),
    }
    return {f"Test {kind} {name}": offered[kind](name) for kind, name in parts}


def _modality(part: Modality, paths: Sequence[Path]) -> type:
    class Case(conformance.ModalityConformance):
        @pytest.fixture
        def modality(self) -> Modality:
            return part

        @pytest.fixture
        def data_path(self) -> Path:
            return _data_of(part, paths)

        @pytest.fixture
        def inputs(self) -> Inputs:
            """What an installed encoder asks for, if there is one that takes its views."""
            infos = [info for family in load().backbones.values() for info in family.curated()]
            asked = [info.inputs for info in infos if info.inputs.kind in part.kinds]
            return asked[0] if asked else Inputs(kind=min(part.kinds))

    return Case


def _backbone(part: BackboneFamily, paths: Sequence[Path]) -> type:
    class Case(conformance.BackboneConformance):
        @pytest.fixture
        def family(self) -> BackboneFamily:
            return part

        @pytest.fixture
        def info(self) -> BackboneInfo:
            infos = part.curated()
            if not infos:
                pytest.skip("it lists no encoder")
            return min(infos, key=lambda info: (info.parameters, info.gigaflops))

        @pytest.fixture
        def modality(self, info: BackboneInfo) -> Modality:
            for modality in (*load().modalities.values(), ToyModality()):
                if info.inputs.kind in modality.kinds:
                    return modality
            pytest.skip(f"no installed modality gives what it takes, inputs of the kind {info.inputs.kind!r}")

        @pytest.fixture
        def data_path(self, modality: Modality, tmp_path: Path) -> Path:
            if isinstance(modality, ToyModality):
                return make_points(tmp_path / "clouds.points.json", rows=24)
            return _data_of(modality, paths)

        @pytest.fixture
        def weights(self, info: BackboneInfo) -> WeightFile | None:
            found = [source.find(info) for source in load().weights if source.order < NETWORK]
            here = [file for file in found if file and file.path]
            if not here and info.pretrained.get("beside"):
                pytest.skip(f"the weights of {info.name}, and what lies beside them, are not on this machine")
            return here[0] if here else None

    return Case


def _problem(part: Problem) -> type:
    class Case(conformance.ProblemConformance):
        @pytest.fixture
        def problem(self) -> Problem:
            return part

        @pytest.fixture
        def targets(self) -> Sequence[Any]:
            return _targets_of(part)

    return Case


def _metric(registry: Registry, of: str, name: str) -> type:
    class Case(conformance.MetricConformance):
        @pytest.fixture
        def problem(self) -> Problem:
            if of not in registry.problems:
                pytest.skip(f"no installed plugin offers the problem {of!r}")
            return registry.problem(of)

        @pytest.fixture
        def metric(self, problem: Problem) -> Metric:
            return problem.metric(name)

        @pytest.fixture
        def targets(self, problem: Problem) -> Sequence[Any]:
            return _targets_of(problem)

    return Case


def _targets_of(part: Problem) -> Sequence[Any]:
    """The first targets that the problem takes."""
    for targets in TARGETS:
        try:
            part.encode(targets, part.fit(targets))
        except BadInput:
            continue
        return targets
    pytest.skip("its targets are neither labels nor numbers; its own tests must show that it keeps its promises")


def _strategy(part: Strategy) -> type:
    class Asked:
        @pytest.fixture
        def strategy(self) -> Strategy:
            return part

    class Model(Asked, conformance.StrategyConformance): ...

    class Encoder(Asked, conformance.PretrainingConformance): ...

    return Encoder if part.produces == "encoder" else Model


def _weights(part: WeightSource) -> type:
    class Case(conformance.WeightSourceConformance):
        @pytest.fixture
        def source(self) -> WeightSource:
            return part

        @pytest.fixture
        def known(self) -> BackboneInfo | None:
            if part.order >= NETWORK:
                pytest.skip("it asks a network")
            infos = (info for family in load().backbones.values() for info in family.curated())
            return next((info for info in infos if part.find(info)), None)

    return Case


def _executor(part: Executor) -> type:
    class Case(conformance.ExecutorConformance):
        @pytest.fixture(scope="class")
        @classmethod
        def executor(cls) -> Executor:
            return part

    return Case


def _data_of(modality: Modality, paths: Sequence[Path]) -> Path:
    """The first path that the modality recognizes."""
    for path in paths:
        try:
            if modality.recognize(path):
                return path
        except BadInput:
            continue
    pytest.skip(f"it needs data for the modality {modality.name}; give some with --data")

"""`cases_of`: test classes for parts that are installed, out of the conformance classes and what is at hand here.

A part's own tests know data of its kind. Here data comes from whoever asks for the review, encoders' inputs and weights
from whatever is installed beside the part; where something is not at hand, what needs it is skipped with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autosft.contracts.backbone import BackboneFamily, BackboneInfo, Inputs, WeightFile, WeightSource
from autosft.contracts.executor import Executor
from autosft.contracts.metric import Metric
from autosft.contracts.modality import Modality
from autosft.contracts.problem import Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.section import ReportSection
from autosft.contracts.space import Choice
from autosft.contracts.strategy import Strategy
from autosft.errors import BadInput
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.testing import conformance
from autosft.testing.toy import ToyModality, make_points
from autosft.testing.trials import targets_for, usual_recipe

NETWORK = 30
"""The `order` from which on sources of weights ask a network."""


def cases_of(
    parts: Sequence[tuple[str, str]], data: Sequence[str], modules: Sequence[str] = (), backbone: str = ""
) -> dict[str, type]:
    """A test class for each part, by its kind and name.

    Args:
        parts: Kinds and names of parts.
        data: Paths of data; each modality is shown the first that it recognizes.
        modules: Modules that are loaded beside the installed plugins.
        backbone: One whose weights the weight sources have; the first that they find by default.
    """
    registry, paths = load(modules), [Path(path) for path in data]
    offered = {
        "modality": lambda name: _modality(registry.modality(name), registry, paths),
        "backbone": lambda name: _backbone(registry.family(name), registry, paths),
        "problem": lambda name: _problem(registry.problem(name)),
        "metric": lambda name: _metric(registry, *name.split(".", 1)),
        "strategy": lambda name: _strategy(registry.strategy(name)),
        "weights": lambda name: _weights(registry, name, backbone),
        "executor": lambda name: _executor(registry.executor(name)),
        "section": lambda name: _section(registry.sections[name]),
    }
    return {f"Test {kind} {name}": offered[kind](name) for kind, name in parts}


def _modality(part: Modality, registry: Registry, paths: Sequence[Path]) -> type:
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
            infos = [info for family in registry.backbones.values() for info in family.curated()]
            asked = [info.inputs for info in infos if info.inputs.kind in part.kinds]
            return asked[0] if asked else Inputs(kind=min(part.kinds))

    return Case


def _backbone(part: BackboneFamily, registry: Registry, paths: Sequence[Path]) -> type:
    class Case(conformance.BackboneConformance):
        @pytest.fixture
        def family(self) -> BackboneFamily:
            return part

        @pytest.fixture
        def readable(self) -> tuple[BackboneInfo, Modality, Path | None]:
            return _readable(part, registry, paths)

        @pytest.fixture
        def info(self, readable: tuple[BackboneInfo, Modality, Path | None]) -> BackboneInfo:
            return readable[0]

        @pytest.fixture
        def modality(self, readable: tuple[BackboneInfo, Modality, Path | None]) -> Modality:
            return readable[1]

        @pytest.fixture
        def data_path(self, readable: tuple[BackboneInfo, Modality, Path | None], tmp_path: Path) -> Path:
            return readable[2] or make_points(tmp_path / "clouds.points.json", rows=24)

        @pytest.fixture
        def weights(self, info: BackboneInfo) -> WeightFile | None:
            found = [source.find(info) for source in registry.weights if source.order < NETWORK]
            here = [file for file in found if file and file.path]
            if not here and info.pretrained.get("beside"):
                pytest.skip(f"the weights of {info.name}, and what lies beside them, are not on this machine")
            return here[0] if here else None

    return Case


def _readable(
    part: BackboneFamily, registry: Registry, paths: Sequence[Path]
) -> tuple[BackboneInfo, Modality, Path | None]:
    """The smallest encoder for which there is data, the modality that gives what it takes, and the data; None means
    points, which can be made."""
    infos = sorted(part.curated(), key=lambda info: (info.parameters, info.gigaflops))
    if not infos:
        pytest.skip("it lists no encoder")
    modalities = [*registry.modalities.values(), ToyModality()]
    pairs = [(info, one) for info in infos for one in modalities if info.inputs.kind in one.kinds]
    if not pairs:
        kinds = ", ".join(sorted({info.inputs.kind for info in infos}))
        pytest.skip(f"no installed modality gives what it takes, inputs of the kind {kinds}")
    for info, modality in pairs:
        if path := _recognized(modality, paths):
            return info, modality, path
    if points := [(info, one, None) for info, one in pairs if isinstance(one, ToyModality)]:
        return points[0]
    names = " or ".join(dict.fromkeys(modality.name for _, modality in pairs))
    pytest.skip(f"it needs data for the modality {names}; give some with --data")


def _problem(part: Problem) -> type:
    choices = {name: one for name, one in part.space.items() if isinstance(one, Choice)}
    own = [{}, *({name: option} for name, one in choices.items() for option in one.options[1:])]

    class Case(conformance.ProblemConformance):
        @pytest.fixture
        def problem(self) -> Problem:
            return part

        @pytest.fixture(params=own, ids=lambda own: " ".join(map(str, own.values())) or "default")
        def recipe(self, request: pytest.FixtureRequest) -> Recipe:
            return usual_recipe("any/any", part.name, part.space, request.param)

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
    """The first of the usual targets that the problem takes."""
    targets = targets_for(part)
    if targets is None:
        pytest.skip("its targets are none of the usual ones; its own tests have to check it")
    return targets


def _strategy(part: Strategy) -> type:
    class Asked:
        @pytest.fixture
        def strategy(self) -> Strategy:
            return part

    class Model(Asked, conformance.StrategyConformance): ...

    class Encoder(Asked, conformance.PretrainingConformance): ...

    return Encoder if part.produces == "encoder" else Model


def _weights(registry: Registry, name: str, backbone: str) -> type:
    part = next(source for source in registry.weights if source.name == name)

    class Case(conformance.WeightSourceConformance):
        @pytest.fixture
        def source(self) -> WeightSource:
            return part

        @pytest.fixture
        def known(self) -> BackboneInfo:
            if backbone:
                infos = registry.family(backbone).match(backbone.partition("/")[2])
                return infos[0] if infos else pytest.fail(f"--backbone {backbone}: there is no such backbone")
            if part.order >= NETWORK:
                pytest.skip("it asks a network; name a backbone whose weights it has with --backbone")
            infos = (info for family in registry.backbones.values() for info in family.curated())
            known = next((info for info in infos if part.find(info)), None)
            return known or pytest.skip("it has no weights of a listed backbone; name one that it has with --backbone")

    return Case


def _executor(part: Executor) -> type:
    class Case(conformance.ExecutorConformance):
        @pytest.fixture(scope="class")
        @classmethod
        def executor(cls) -> Executor:
            return part

    return Case


def _section(part: ReportSection) -> type:
    class Case(conformance.SectionConformance):
        @pytest.fixture
        def section(self) -> ReportSection:
            return part

    return Case


def _data_of(modality: Modality, paths: Sequence[Path]) -> Path:
    """The first path that the modality recognizes."""
    return _recognized(modality, paths) or pytest.skip(
        f"it needs data for the modality {modality.name}; give some with --data"
    )


def _recognized(modality: Modality, paths: Sequence[Path]) -> Path | None:
    for path in paths:
        with suppress(BadInput):
            if modality.recognize(path):
                return path
    return None

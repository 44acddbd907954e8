"""The toy plugin and a plugin of troublemakers, installed where this process and its children find them."""

from __future__ import annotations

import dataclasses
import os

import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.processes import Processes
from autosft.contracts.facts import Facts
from autosft.data.facts import facts_of
from autosft.data.splits import split
from autosft.runs.plan import make_plan, precheck
from autosft.runs.run import Run, RunDocument
from autosft.runs.spec import SearchSpec
from autosft.search.recognize import recognize, with_metric
from autosft.testing import toy, trouble


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """Install the toy plugin, and one whose strategies are trouble; first-party ones are left out.

    Troublemakers are tried only if a search names them.
    """
    folder = tmp_path_factory.mktemp("plugins")
    toy.write_distribution(folder)
    toy.write_distribution(folder, trouble.__name__)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setenv("AUTOSFT_DISABLE_PLUGINS", toy.all_but("autosft-toy", "autosft-trouble"))
        yield folder


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    return toy.make_points(tmp_path_factory.mktemp("data") / "clouds.points.json", rows=700, seed=1)


@pytest.fixture
def registry():
    return dataclasses.replace(toy.registry(Classification()), executors={"processes": Processes()})


@pytest.fixture
def with_parts(registry):
    """A function that adds parts to the toy registry by the names of its fields."""

    def add(**parts):
        fields = {
            name: tuple(new) if name == "weights" else {**getattr(registry, name), **new} for name, new in parts.items()
        }
        return dataclasses.replace(registry, **fields)

    return add


@pytest.fixture
def task(points, registry):
    return with_metric(recognize(points, registry)[0].task, "", registry)


@pytest.fixture
def plan(task, registry):
    return make_plan(task, registry, precheck(task, registry, SearchSpec()), Facts())


@pytest.fixture
def enlarge():
    """A function that gives a plan a million times the multiply-adds: what its rows take tells of other backbones."""

    def make(plan):
        infos = [one.info.model_copy(update={"gigaflops": 1e6 * one.info.gigaflops}) for one in plan.candidates]
        pairs = zip(plan.candidates, infos, strict=True)
        return plan.model_copy(
            update={"candidates": tuple(one.model_copy(update={"info": info}) for one, info in pairs)}
        )

    return make


@pytest.fixture
def make_run(task, plan, registry):
    """A function that makes a run's folder, as the driver does before the first trial."""

    def make(folder, task=task, **settings):
        spec = SearchSpec(**settings)
        modality = registry.modality(task.modality)
        data = split(modality.scan(task), Classification(), seed=spec.seed)
        facts = facts_of(data, Classification(), modality)
        learned = plan.model_copy(update={"state": modality.fit(data.train, modality.read), "facts": facts})
        document = RunDocument(task=task, spec=spec, plan=learned, fingerprint=data.fingerprint, versions={})
        return Run.create(folder, document, data)

    return make

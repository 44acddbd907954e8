"""A toy model and one of texts, trained and bundled."""

from __future__ import annotations

import csv
import dataclasses
import shutil

import pytest

from autosft.builtin.classification import Classification
from autosft.contracts.recipe import Recipe, Regular, Stop
from autosft.contracts.trial import Parts, States, Trial
from autosft.data.splits import split
from autosft.deploy.bundle import save_bundle
from autosft.deploy.member import save_member
from autosft.host.loading import load
from autosft.search.recognize import recognize, with_metric
from autosft.testing import toy
from autosft.testing.trials import default_recipe, make_runtime, make_trial
from autosft.training.loop import train


@dataclasses.dataclass(frozen=True)
class Made:
    """A bundle, what it was made from, and the rows that tested it."""

    folder: object
    task: object
    trial: object
    model: object
    evaluation: object
    member: object


@pytest.fixture(scope="session")
def registry():
    return toy.registry(Classification())


@pytest.fixture(scope="session")
def made(tmp_path_factory, registry):
    """Train one trial by hand, as a worker does, and bundle it."""
    folder = tmp_path_factory.mktemp("deploy")
    source = toy.make_points(folder / "clouds.points.json", rows=90, seed=1)
    task = with_metric(recognize(source, registry)[0].task, "", registry)
    modality, family, problem = registry.modality("points"), registry.family("tiny"), registry.problem("classification")
    data = split(modality.scan(task), problem, seed=0)
    info = family.curated()[0]
    states = States(
        modality.fit(data.train, modality.read),
        family.fit(info, data.train, modality.read),
        (problem.fit(data.train.target(0)),),
    )
    recipe = Recipe(backbone=info.name, strategy="toy", stop=Stop(max_epochs=3), regular=Regular(augment="none"))
    parts = Parts(task, recipe, modality, family, info, (problem,), None, states)
    trial = Trial(parts, folder / "trial", data.train, data.valid, data.unlabeled)
    trained = train(trial, make_runtime(trial), registry.strategy("toy"))
    save_member(trial.folder, parts, trained.model, states)
    save_bundle(
        folder / "best", task, [(trial.folder, 1.0)], {"autosft-toy": "1.0"}, {"valid": trained.evaluation.score}
    )
    return Made(folder / "best", task, trial, trained.model, trained.evaluation, trial.folder)


@pytest.fixture
def bundle(made, tmp_path):
    """A copy of the bundle that may be spoilt."""
    return shutil.copytree(made.folder, tmp_path / "bundle")


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A bundle of real parts: TF-IDF and a probe, on a few sentences."""
    folder = tmp_path_factory.mktemp("texts")
    words = [("lovely bright film", "pos"), ("dull broken story", "neg"), ("warm and great song", "pos")]
    rows = [
        (f"It was a {text}, number {number}, as we said before.", label) for number in range(9) for text, label in words
    ]
    with (folder / "said.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    registry = load()
    task = recognize(folder / "said.csv", registry)[0].task
    strategy = registry.strategy("probe")
    trial = make_trial(folder / "trial", task, registry, default_recipe(strategy, "tfidf/words-characters"))
    trained = train(trial, make_runtime(trial), strategy)
    save_member(trial.folder, trial.parts, trained.model, trial.parts.states)
    save_bundle(folder / "texts", task, [(trial.folder, 1.0)], {}, {"valid": 1 / 3, "small": 1e-05})
    return folder / "texts"

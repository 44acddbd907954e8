"""Proves encoders that are made once, without targets, and that later trials start from."""

from dataclasses import replace

import denoising
import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.contracts.recipe import Recipe
from autosft.contracts.record import Record
from autosft.deploy.bundle import MODEL
from autosft.deploy.member import load_member, load_weights
from autosft.deploy.predictor import Predictor
from autosft.errors import BadWeights
from autosft.host.loading import load
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.search.events import Noted
from autosft.testing.conformance import PretrainingConformance
from autosft.testing.toy import ToyStrategy, make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.loop import train

SETTINGS = {"strategies": ["toy", "denoise"], "trials": 4, "single": True}


class TestDenoise(PretrainingConformance):
    @pytest.fixture
    def strategy(self):
        return denoising.Denoise()


@pytest.fixture(scope="module")
def searched(install, killed, tmp_path_factory):
    """A search of two workers that was killed while an encoder was made, and went on: its run and the events."""
    install("denoising")
    folder, events = tmp_path_factory.mktemp("search"), []
    data = make_points(folder / "clouds.points.json", rows=300, seed=1)
    killed(data, folder / "run", at=2, **SETTINGS)
    settings = {**SETTINGS, "budget": None, "threads": 2, "workers": 2, "device": "cpu"}
    result = run_search(data, run=folder / "run", callback=events.append, **settings)
    return Run.read(folder / "run"), result, events


def test_trials_of_a_search_start_from_an_encoder_that_is_made_once(searched):
    run, result, events = searched
    records = [Record.read(path) for path in sorted(run.folder.glob("trials/*/record.json"))]
    started = [record for record in records if record.recipe.start]

    assert sum(result.trials.values()) == 4 and all(record.state in ("done", "paused") for record in records)
    assert started and {record.recipe.start.strategy for record in started} == {"denoise"}
    made = {run.start_folder(record.recipe.start) for record in started}
    assert sorted((run.folder / "starts").iterdir()) == sorted(made)
    assert len([one for one in events if isinstance(one, Noted) and "denoise has pretrained" in one.text]) <= len(made)
    assert all(record.recipe.start.of("denoise") == {"epochs": 3} for record in started)


def test_a_trial_that_has_started_so_is_a_model_like_any_other(searched):
    run, _, _ = searched
    records = [Record.read(path) for path in sorted(run.folder.glob("trials/*/record.json"))]
    record = next(record for record in records if record.recipe.start and record.state == "done")

    parts, model = load_member(run.trial_folder(record.number), run.document.task, load(), torch.device("cpu"))

    assert parts.recipe == record.recipe and parts.pretrained
    before = load_weights(run.start_folder(record.recipe.start))
    assert any(not torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert len(Predictor.load(run.folder).predict(list(run.data.test.ref))) == len(run.data.test)


@pytest.fixture
def trial(tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=60))
    recipe = quick_recipe("toy").changed(start=Recipe(backbone="tiny/narrow", strategy="denoise"))
    return make_trial(tmp_path / "trial", task, registry(Classification()), recipe)


def test_an_encoder_that_is_missing_or_foreign_is_said_and_not_passed_over(trial, tmp_path):
    runtime = make_runtime(trial)
    with pytest.raises(BadWeights, match="missing"):
        train(trial, runtime, ToyStrategy())
    with pytest.raises(BadWeights, match="nowhere"):
        train(replace(trial, start=tmp_path / "nowhere" / MODEL), runtime, ToyStrategy())


def test_a_bundle_of_an_earlier_version_has_no_start():
    assert Recipe.model_validate({"backbone": "a/b", "strategy": "c", "start": ""}).start is None

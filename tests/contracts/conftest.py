"""What the sketches share: one thread, trials on toy points, and the road from a trained model to a predictor."""

from dataclasses import replace

import pytest
import torch

from autosft.contracts.trial import Runtime
from autosft.deploy.bundle import save_bundle
from autosft.deploy.member import save_member
from autosft.deploy.predictor import Predictor
from autosft.testing.toy import ToyModality, make_points, registry
from autosft.testing.trials import make_trial, points_task, quick_recipe


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def points_trial(tmp_path):
    """A function that makes a trial on sixty toy points, in a trial's place within a run's folder."""

    def make(strategy, *problems, trial=0, rows=60, **recipe):
        path = tmp_path / "clouds.points.json"
        task = points_task(path if path.exists() else make_points(path, rows=rows), problems=[p.name for p in problems])
        folder = tmp_path / "run" / "trials" / f"{trial}"
        return make_trial(folder, task, registry(*problems), quick_recipe(strategy, **recipe))

    return make


@pytest.fixture
def runtime():
    """For toy points."""
    return Runtime(ToyModality().read, torch.device("cpu"))


@pytest.fixture
def bundled(tmp_path):
    """A function from trained trials to the predictor of their bundle, by way of files alone."""

    def make(parts, *trials, shares=(1.0,)):
        folders = []
        for number, (trial, trained) in enumerate(trials):
            folders.append(tmp_path / f"member-{number}")
            states = replace(trial.parts.states, problems=trained.evaluation.states)
            save_member(folders[-1], trial.parts, trained.model, states)
        save_bundle(tmp_path / "best", trials[0][0].parts.task, list(zip(folders, shares, strict=True)), {}, {})
        return Predictor.load(tmp_path / "best", registry=parts)

    return make

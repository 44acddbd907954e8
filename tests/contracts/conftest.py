"""What the sketches share: one thread, jobs on toy points, and the road from a trained model to a predictor."""

from dataclasses import replace

import pytest
import torch

from autosft.deploy.bundle import save_bundle
from autosft.deploy.member import save_member
from autosft.deploy.predictor import Predictor
from autosft.testing.job import make_job, points_task, quick_recipe
from autosft.testing.toy import make_points, registry


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def points_job(tmp_path):
    """A function that makes a job on sixty toy points, in a trial's place within a run's folder."""

    def make(strategy, *problems, trial=0, rows=60, **recipe):
        path = tmp_path / "clouds.points.json"
        task = points_task(path if path.exists() else make_points(path, rows=rows), problems=[p.name for p in problems])
        folder = tmp_path / "run" / "trials" / f"{trial}"
        return make_job(folder, task, registry(*problems), quick_recipe(strategy, **recipe))

    return make


@pytest.fixture
def bundled(tmp_path):
    """A function from trained jobs to the predictor of their bundle, by way of files alone."""

    def make(parts, *trials, shares=(1.0,)):
        folders = []
        for number, (job, trained) in enumerate(trials):
            folders.append(tmp_path / f"member-{number}")
            states = replace(job.states, problems=trained.evaluation.states)
            save_member(folders[-1], job, trained.model, states)
        save_bundle(tmp_path / "best", trials[0][0].task, list(zip(folders, shares, strict=True)), {}, {})
        return Predictor.load(tmp_path / "best", registry=parts)

    return make

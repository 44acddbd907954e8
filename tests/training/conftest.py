"""One thread, and a trial on sixty toy points."""

import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def trial(tmp_path):
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=60))
    return make_trial(
        tmp_path / "run" / "trials" / "0", task, registry(Classification()), quick_recipe("toy", epochs=4)
    )


@pytest.fixture
def runtime(trial):
    return make_runtime(trial)

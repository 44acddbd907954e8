"""Sketches are plugins of one file, as an author would write them. Each is installed, and goes through a whole search
that is killed on its way, with two workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autosft.contracts.task import Task
from autosft.contracts.trial import Runtime
from autosft.deploy.bundle import save_bundle
from autosft.deploy.member import save_member
from autosft.deploy.predictor import Predictor
from autosft.testing import toy
from autosft.testing.toy import ToyModality, make_points, registry
from autosft.testing.trials import make_trial, points_task, quick_recipe

SEARCH = """
import os, signal, sys, threading
from autosft.contracts.task import Task
from autosft.search.driver import run_search
from autosft.search.events import Noted, TrialStarted

def callback(event):
    if isinstance(event, TrialStarted) and KILLED_IN in (event.number, event.recipe.strategy):
        threading.Timer(AFTER, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()

data = Task.model_validate_json(sys.argv[1]) if sys.argv[1].startswith("{") else sys.argv[1]
settings = {"budget": None, "threads": 2, "workers": 2, "device": "cpu", **SETTINGS}
run_search(data, run=sys.argv[2], callback=callback, **settings)
"""


@pytest.fixture(scope="module", autouse=True)
def here():
    """Other processes find the modules too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def install(tmp_path_factory, here):
    """A function that installs the toy plugin, the first-party strategies and sketches, by the names of their modules,
    and nothing else."""
    with pytest.MonkeyPatch.context() as patch:

        def make(*sketches):
            folder = tmp_path_factory.mktemp("plugins")
            for module in (toy.__name__, *sketches):
                toy.write_distribution(folder, module)
            patch.syspath_prepend(folder)
            patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
            first = ("autosft-toy", "autosft-strategies", "autosft-semisupervised")
            kept = (*first, *(f"autosft-{name}" for name in sketches))
            patch.setenv("AUTOSFT_DISABLE_PLUGINS", toy.all_but(*kept))

        yield make


@pytest.fixture(scope="module")
def killed():
    """A function that searches in a process of its own, and kills it a second after a trial has begun, given by its
    number or its strategy."""

    def search(data, run, *, at, after=1.0, **settings):
        program = f"KILLED_IN, AFTER = {at!r}, {after}\nSETTINGS = {settings!r}\n{SEARCH}"
        told = data.model_dump_json() if isinstance(data, Task) else str(data)
        done = subprocess.run([sys.executable, "-c", program, told, str(run)], check=False)
        assert done.returncode == -signal.SIGKILL

    return search


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

    def make(parts, *trials, weights=(1.0,)):
        folders = []
        for number, (trial, trained) in enumerate(trials):
            folders.append(tmp_path / f"member-{number}")
            states = replace(trial.parts.states, problems=trained.evaluation.states)
            save_member(folders[-1], trial.parts, trained.model, states)
        save_bundle(tmp_path / "best", trials[0][0].parts.task, list(zip(folders, weights, strict=True)), {}, {})
        return Predictor.load(tmp_path / "best", registry=parts)

    return make


@pytest.fixture
def few(install, tmp_path):
    """The toy plugin and the first-party strategies; forty labelled points, and the other points without labels in a
    file of their own, with copies of some."""
    install()
    whole = json.loads(make_points(tmp_path / "clouds.points.json", rows=480, seed=1).read_text())
    data, more = tmp_path / "few.points.json", tmp_path / "more.points.json"
    test = [{**row, "split": "test"} for row in whole["rows"][240:]]
    data.write_text(json.dumps({"rows": whole["rows"][:40] + test, "unlabeled": []}))
    points = [row["x"] for row in whole["rows"][:240]] + [row["x"] for row in whole["rows"][240:245]]
    more.write_text(json.dumps({"rows": [], "unlabeled": points}))
    return data, more

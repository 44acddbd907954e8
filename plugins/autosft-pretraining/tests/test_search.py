"""A whole search that is killed while an encoder is pretrained, and goes on: trials start from it, and it is made
once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from autosft.contracts.record import Record
from autosft.deploy.member import load_weights
from autosft.runs.run import Run
from autosft.search.driver import run_search
from autosft.search.events import Noted
from autosft.testing import toy

SETTINGS = {
    **{"budget": None, "threads": 1, "workers": 1, "device": "cpu", "single": True, "trials": 3},
    **{"strategies": ["toy", "mae"], "settings": {"mae.max_epochs": 40}},
}

KILLED = f"""
import os, signal, sys, threading, time
from pathlib import Path
from autosft.search.driver import run_search

def watch():
    while not list(Path(sys.argv[2]).glob("starts/*/last.pt")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=watch, daemon=True).start()
run_search(sys.argv[1], run=sys.argv[2], **{SETTINGS!r})
"""


@pytest.mark.slow
def test_trials_start_from_an_encoder_that_is_made_once_though_the_search_was_killed_meanwhile(tmp_path, monkeypatch):
    toy.write_distribution(tmp_path / "plugins")
    monkeypatch.syspath_prepend(tmp_path / "plugins")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "plugins"), prepend=os.pathsep)
    monkeypatch.setenv("AUTOSFT_DISABLE_PLUGINS", toy.all_but("autosft-toy", "autosft-pretraining"))
    data, folder, events = toy.make_points(tmp_path / "clouds.points.json", rows=300, seed=1), tmp_path / "run", []

    done = subprocess.run([sys.executable, "-c", KILLED, str(data), str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    result = run_search(data, run=folder, callback=events.append, **SETTINGS)

    run = Run.read(folder)
    records = [Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))]
    started = [record for record in records if record.recipe.start]
    assert sum(result.trials.values()) == 3 and started and {one.recipe.start.strategy for one in started} == {"mae"}
    assert all(one.recipe.start.stop.max_epochs == 40 for one in started)
    made = {run.start_folder(one.recipe.start) for one in started}
    assert sorted((folder / "starts").iterdir()) == sorted(made)
    assert len([one for one in events if isinstance(one, Noted) and "mae has pretrained" in one.text]) == len(made)
    before = load_weights(run.start_folder(started[0].recipe.start))
    assert any(name.startswith("encoder.") for name in before)

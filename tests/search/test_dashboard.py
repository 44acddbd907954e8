"""optuna-dashboard opens a run's study as it is. Skipped where it is not installed."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from autosft.contracts.record import Record
from autosft.search.driver import run_search
from autosft.search.memory.study import sqlite_url

pytestmark = [pytest.mark.usefixtures("plugins"), pytest.mark.slow]

SETTINGS = {"budget": None, "trials": 4, "threads": 1, "device": "cpu", "strategies": ["toy", "raises"]}


SHOWN = {"done": "Complete", "paused": "Waiting", "stopped": "Pruned", "failed": "Fail"}


@pytest.fixture
def run(points, tmp_path):
    """The folder of a finished run."""
    if importlib.util.find_spec("optuna_dashboard") is None:
        pytest.skip("optuna-dashboard is not installed")
    run_search(points, run=tmp_path / "run", **SETTINGS)
    return tmp_path / "run"


@pytest.fixture
def ask(run):
    """A function that asks a dashboard of the run's study for a page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("optuna-dashboard")

    def ask(page):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=30) as answer:
            return answer.read().decode()

    command = [program, sqlite_url(run / "study.db"), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        deadline = time.monotonic() + 60
        while True:
            try:
                ask("/api/studies")
                break
            except URLError:
                assert time.monotonic() < deadline and server.poll() is None, server.stderr.read()
                time.sleep(0.1)
        yield ask
        server.terminate()


def check_shown(study, records):
    """What the dashboard says of a study's trials is what their records say."""
    assert [trial["number"] for trial in study["trials"]] == [record.number for record in records]
    for trial, record in zip(study["trials"], records, strict=True):
        assert trial["state"] == SHOWN[record.state]
        assert trial.get("values", []) == ([record.score] if record.state == "done" else [])
        curve = [point["value"] for point in trial["intermediate_values"]]
        assert curve == [epoch.score for epoch in record.epochs if epoch.score is not None]
        params = {param["name"]: param["param_external_value"] for param in trial["params"]}
        assert (params["backbone"], params["strategy"]) == (record.recipe.backbone, record.recipe.strategy)
    done = [record for record in records if record.state == "done"]
    assert study["best_trials"][0]["number"] in {r.number for r in done if r.score == max(r.score for r in done)}


def test_the_dashboard_shows_every_trial_and_the_search_goes_on_beside_it(run, ask, points):
    (summary,) = json.loads(ask("/api/studies"))["study_summaries"]
    assert (summary["study_name"], summary["directions"]) == ("autosft", ["maximize"])
    page = f"/api/studies/{summary['study_id']}"
    check_shown(json.loads(ask(page)), records(run))
    assert "Optuna Dashboard" in ask(f"/dashboard/studies/{summary['study_id']}")

    run_search(points, run=run, **{**SETTINGS, "trials": 6})

    assert len(records(run)) == 6
    check_shown(json.loads(ask(page)), records(run))


def records(run):
    return [Record.read(path) for path in sorted(run.glob("trials/*/record.json"))]

"""The study in PostgreSQL: a real server, which also goes away. Skipped where no server is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import optuna
import pytest

from autosft.errors import BadInput
from autosft.runs.run import RunDocument
from autosft.search.driver import run_search
from autosft.search.events import TrialPaused

pytestmark = [pytest.mark.usefixtures("plugins"), pytest.mark.slow]

SETTINGS = {"budget": None, "trials": 3, "threads": 1, "device": "cpu", "strategies": ["toy"]}
PASSWORD = "not-to-be-written-down"


class Server:
    """A server of the test's own: its data in a folder, its port on this machine alone."""

    def __init__(self, folder):
        installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        if not installed:
            pytest.skip("no PostgreSQL server is installed")
        self._bin = installed[-1].parent
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self._data = folder / "data"
        if self._as:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "--auth=scram-sha-256", "--username=tester", f"--pwfile={secret}", "-D", self._data)
        self.url = f"postgresql://tester:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self):
        options = f"-p {self.port} -h 127.0.0.1 -k {self._data}"
        self._run("pg_ctl", "-D", self._data, "-l", f"{self._data}/log", "-o", options, "-w", "start")

    def crash(self):
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def _run(self, program, *arguments):
        command = [*self._as, str(self._bin / program), *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="module")
def server():
    """A running server."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to the server's user
        Path(folder).chmod(0o755)
        server = Server(Path(folder))
        server.start()
        yield server
        server.crash()


def stored(run, server):
    """The trials of a run as Optuna finds them on the server, and the best value."""
    name = RunDocument.read(run / "run.json").study
    storage = optuna.storages.RDBStorage(server.url.replace("postgresql", "postgresql+psycopg"))
    study = optuna.load_study(study_name=name, storage=storage)
    found = study.trials, study.best_value
    storage.remove_session()
    storage.engine.dispose()
    return found


def test_a_search_keeps_its_study_on_a_server_and_its_password_nowhere(points, tmp_path, server):
    result = run_search(points, run=tmp_path / "run", storage=server.url, **SETTINGS)

    trials, best = stored(tmp_path / "run", server)
    assert len(trials) == sum(result.trials.values()) == 3 and best == result.valid
    assert not (tmp_path / "run" / "study.db").exists()
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_runs_share_a_database_and_each_goes_on_with_its_own_trials(points, tmp_path, server):
    for name in ("one", "two"):
        run_search(points, run=tmp_path / name, storage=server.url, **SETTINGS)

    again = run_search(points, run=tmp_path / "one", storage=server.url, **{**SETTINGS, "trials": 4})

    assert sum(again.trials.values()) == 4 and len(stored(tmp_path / "two", server)[0]) == 3


def test_a_server_that_crashes_and_comes_back_costs_a_reconnect_and_not_the_run(points, tmp_path, server):
    crashed = []

    def callback(event):
        if isinstance(event, TrialPaused) and not crashed:
            crashed.append(True)
            server.crash()
            server.start()

    result = run_search(points, run=tmp_path / "run", storage=server.url, callback=callback, **SETTINGS)

    assert crashed and sum(result.trials.values()) == len(stored(tmp_path / "run", server)[0]) == 3


def test_a_server_that_is_away_for_a_while_is_waited_for(points, tmp_path, server):
    back = []

    def callback(event):
        if isinstance(event, TrialPaused) and not back:
            server.crash()
            back.append(threading.Timer(4.0, server.start))
            back[0].start()

    result = run_search(points, run=tmp_path / "run", storage=server.url, callback=callback, **SETTINGS)
    back[0].join()

    assert sum(result.trials.values()) == len(stored(tmp_path / "run", server)[0]) == 3


def test_a_server_that_cannot_be_reached_is_one_clear_error(points, tmp_path):
    url = f"postgresql://tester:{PASSWORD}@127.0.0.1:1/postgres"

    with pytest.raises(BadInput, match=r"127\.0\.0\.1:1/postgres: cannot be opened \(.*refused") as caught:
        run_search(points, run=tmp_path / "run", storage=url, **SETTINGS)

    assert PASSWORD not in str(caught.value)

"""`autosft serve` and `export` by hand: what a user types, and what happens to requests when the service is ended."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

pytest.importorskip("uvicorn")


@pytest.fixture
def run_folder(autosft, points, tmp_path):
    """A finished run of one trial."""
    done = autosft(
        "search", points, "--trials", 1, "--budget", "none", "--run", tmp_path / "run", "--backbones", "tiny/wide"
    )
    assert done.returncode == 0, done.stderr
    return tmp_path / "run"


def test_a_finished_run_is_exported_and_served_until_it_is_told_to_end(run_folder, autosft, environment):
    exported = autosft("export", run_folder, "--torch", run_folder / "model.pt2")
    assert exported.returncode == 0 and "its answers differ from the model's by" in exported.stdout, exported.stderr
    assert (run_folder / "best" / "README.md").read_text().startswith("# clouds")
    assert "Say what to write" in autosft("export", run_folder).stderr

    command = [sys.executable, "-m", "autosft", "serve", str(run_folder), "--port", "0", "--wait", "1000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as service:
        port = re.findall(r"127\.0\.0\.1:(\d+)", service.stdout.readline())[0]
        assert "cannot listen there" in autosft("serve", run_folder, "--port", port).stderr
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client, ThreadPoolExecutor(8) as pool:
            sent = all_waiting(client, pool)
            service.send_signal(signal.SIGTERM)

            assert [one.result().status_code for one in sent] == [200] * 8
        assert service.wait(60) == 0 and service.stderr.read() == ""


def test_a_client_that_has_stalled_keeps_no_service_from_ending(run_folder, environment):
    start = "from autosft.serving import server; server.GRACE_SECONDS = 1; from autosft.cli import main; main()"
    command = [sys.executable, "-c", start, "serve", str(run_folder), "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as service:
        port = re.findall(r"127\.0\.0\.1:(\d+)", service.stdout.readline())[0]
        with socket.create_connection(("127.0.0.1", int(port))) as stalled:
            stalled.sendall(b"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n")
            stalled.sendall(b"Content-Length: 1000\r\n\r\n{")
            httpx2.get(f"http://127.0.0.1:{port}/health")
            service.send_signal(signal.SIGTERM)

            assert service.wait(30) == 0


def all_waiting(client, pool):
    """Eight requests that were accepted and have no answer yet; on a slow machine they are answered before all came."""
    files = {"files": ("one.points.json", b'{"rows": [{"x": [0.1, 0.2, 0.3, 0.4]}]}')}
    while True:
        sent = [pool.submit(client.post, "/predict", files=files) for _ in range(8)]
        while not all(one.done() for one in sent):
            if client.get("/health").json()["waiting"] == 8:
                return sent

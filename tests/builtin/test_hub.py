"""The hub as a source of weights: its cache, a hub that answers, one that refuses, and none at all.

The hub's client reads its settings when it is imported, so every test asks in a child process. The hub that answers
is a small server on this machine.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

CONTENT = b"weights" * 100
COMMIT = "0123456789abcdef0123456789abcdef01234567"

ASK = """
import json, sys, time
from autosft.builtin.hub import Hub, HubCache
from autosft.contracts.backbone import BackboneInfo, Inputs
from autosft.errors import AutoSFTError

source = {"cache": HubCache(), "hub": Hub()}[sys.argv[1]]
for repository in sys.argv[3:]:
    repository, _, beside = repository.partition("+")
    pretrained = {"hub": repository} if repository != "-" else {}
    pretrained |= {"beside": beside} if beside else {}
    info = BackboneInfo(name="tiny/x", inputs=Inputs(kind="points"), pretrained=pretrained, license="MIT")
    started = time.monotonic()
    try:
        found = source.find(info)
        if found and sys.argv[2] == "fetch":
            found = source.fetch(found)
        answer = found and found.plain()
    except AutoSFTError as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps([answer, time.monotonic() - started]))
"""


class SmallHub(http.server.BaseHTTPRequestHandler):
    """Knows `org/safe` with `model.safetensors` and files beside it, `org/old` with `pytorch_model.bin`, and `org/bare`
    with neither."""

    beside = ("config.json", "tokenizer.json", "1_Pooling/config.json", "2_Dense/model.safetensors", "onnx/model.onnx")
    files = (
        "/org/safe/resolve/{}/model.safetensors",
        "/org/old/resolve/{}/pytorch_model.bin",
        *(f"/org/safe/resolve/{{}}/{name}" for name in beside),
    )
    asked: list[str]

    def do_HEAD(self):
        self.asked.append(self.path)
        if self.path not in [name.format(revision) for name in self.files for revision in ("main", COMMIT)]:
            known = self.path.startswith(("/org/safe", "/org/old", "/org/bare"))
            return self.answer(404, {"X-Error-Code": "EntryNotFound" if known else "RepoNotFound"})
        digest = hashlib.sha256(CONTENT).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{digest}"', "ETag": f'"{digest}"'}
        return self.answer(200, {**headers, "Content-Length": str(len(CONTENT))})

    def do_GET(self):
        if self.path.startswith("/api/models/org/safe/"):
            names = ("model.safetensors", *self.beside)
            tree = [{"type": "file", "path": name, "size": len(CONTENT), "oid": "0" * 40} for name in names]
            listing = {"id": "org/safe", "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}
            content = json.dumps(tree if "/tree/" in self.path else listing).encode()
            self.answer(200, {"Content-Type": "application/json", "Content-Length": str(len(content))})
            self.wfile.write(content)
            return
        self.do_HEAD()
        self.wfile.write(CONTENT)

    def answer(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def small_hub(monkeypatch):
    monkeypatch.setattr(SmallHub, "asked", [], raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SmallHub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(tmp_path):
    """A function that asks a source for repositories: pairs of answer and seconds."""
    left_out = ("HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_TOKEN", "TRANSFORMERS_OFFLINE")
    given = {name: value for name, value in os.environ.items() if name not in left_out and "proxy" not in name.lower()}
    given |= {"HF_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_DISABLE_XET": "1"}

    def run(source, *repositories, fetch=False, **environment):
        command = [sys.executable, "-c", ASK, source, "fetch" if fetch else "find", *repositories]
        done = subprocess.run(command, env={**given, **environment}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def fill(cache, repository, *names, commit=COMMIT):
    """A repository in the layout of the hub's cache, as a download leaves it."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    for name in names:
        (folder / "snapshots" / commit / name).write_bytes(CONTENT)
    return folder / "snapshots" / commit


def test_the_cache_finds_what_was_downloaded_before_the_safer_file_first(ask, tmp_path):
    both = fill(tmp_path / "hub", "org/both", "pytorch_model.bin", "model.safetensors")
    old = fill(tmp_path / "hub", "org/old", "pytorch_model.bin")
    fill(tmp_path / "hub", "org/other", "config.json")

    answers = [answer for answer, _ in ask("cache", "org/both", "org/old", "org/other", "org/none", "-")]

    assert [answer and answer["path"] for answer in answers] == [
        *(str(both / "model.safetensors"), str(old / "pytorch_model.bin")),
        *(None, None, None),
    ]
    assert (answers[0]["source"], answers[0]["license"]) == ("hub cache", "MIT")


def test_the_cache_needs_no_network(ask, tmp_path):
    fill(tmp_path / "hub", "org/both", "model.safetensors")

    ((answer, _),) = ask("cache", "org/both", HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:9")

    assert answer["path"].endswith("model.safetensors")


def test_offline_is_respected(ask, small_hub):
    ((answer, _), (nothing, _)) = ask("hub", "org/safe", "-", HF_HUB_OFFLINE="1", HF_ENDPOINT=small_hub)

    assert answer == "Unreachable: HF_HUB_OFFLINE is set" and nothing is None
    assert SmallHub.asked == []


def test_a_hub_that_is_not_there_is_unreachable_with_a_reason_and_not_asked_again(ask):
    (first, seconds), (second, again) = ask("hub", "org/safe", "org/old", HF_ENDPOINT="http://127.0.0.1:9")

    assert first.startswith("Unreachable: the hub cannot be reached (") and second == first
    assert seconds < 20 and again < 0.1


def test_the_hub_says_what_it_has_and_downloads_nothing(ask, small_hub, tmp_path):
    answers = [answer for answer, _ in ask("hub", "org/safe", "org/old", "org/bare", HF_ENDPOINT=small_hub)]

    assert [answer and answer["remote"]["file"] for answer in answers] == [
        *("model.safetensors", "pytorch_model.bin"),
        None,
    ]
    assert answers[0]["path"] == "" and "revision" not in answers[0]["remote"]
    assert answers[0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert not (tmp_path / "hub").exists()


def test_a_repository_that_the_hub_refuses_is_unreachable_but_others_are_still_asked_for(ask, small_hub):
    (refused, _), (found, _) = ask("hub", "org/secret", "org/safe", HF_ENDPOINT=small_hub)

    assert refused.startswith("Unreachable: the hub refuses org/secret (")
    assert found["remote"]["repository"] == "org/safe"


def test_a_fetched_file_is_what_the_hub_said(ask, small_hub, tmp_path):
    ((fetched, _),) = ask("hub", "org/safe", fetch=True, HF_ENDPOINT=small_hub)

    assert Path(fetched["path"]).read_bytes() == CONTENT
    assert Path(fetched["path"]).is_relative_to(tmp_path / "hub")


def test_a_fetched_file_is_found_in_the_cache_by_the_next_search(ask, small_hub):
    ((fetched, _),) = ask("hub", "org/safe", fetch=True, HF_ENDPOINT=small_hub)
    ((cached, _),) = ask("cache", "org/safe", HF_HUB_OFFLINE="1")

    assert cached is not None and cached["path"] == fetched["path"]


def test_where_files_lie_beside_the_weights_the_folder_is_found_in_the_cache(ask, tmp_path):
    whole = fill(tmp_path / "hub", "org/whole", "model.safetensors", "config.json")
    fill(tmp_path / "hub", "org/half", "model.safetensors")
    fill(tmp_path / "hub", "org/pickled", "pytorch_model.bin", "config.json")

    answers = [
        answer for answer, _ in ask("cache", *(f"org/{name}+config.json" for name in ("whole", "half", "pickled")))
    ]

    assert [answer and answer["path"] for answer in answers] == [str(whole), None, None]


def test_a_fetched_folder_holds_weights_and_the_small_files_beside_them(ask, small_hub):
    ((none, _), (fetched, _)) = ask(
        "hub", "org/old+config.json", "org/safe+config.json", fetch=True, HF_ENDPOINT=small_hub
    )

    folder = Path(fetched["path"])
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert none is None
    assert found == [
        *("1_Pooling/config.json", "2_Dense/model.safetensors"),
        *("config.json", "model.safetensors", "tokenizer.json"),
    ]
    ((cached, _),) = ask("cache", "org/safe+config.json", HF_HUB_OFFLINE="1")
    assert cached["path"] == fetched["path"]

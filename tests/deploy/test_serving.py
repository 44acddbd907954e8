"""The service over a real socket: the answers are the predictor's, and whatever a client sends is its own skipped
sample."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest

from autosft.deploy.predictor import Predictor
from autosft.serving.app import Limits, make_app
from autosft.serving.server import bound

uvicorn = pytest.importorskip("uvicorn")

LIMITS = Limits(most_bytes=100_000, most_inputs=50)


@contextmanager
def running(predictor, limits=LIMITS):
    """A client of a service in a thread of this process."""
    server = uvicorn.Server(uvicorn.Config(make_app(predictor, limits), log_level="critical"))
    with bound("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def predictor(made, registry):
    return Predictor.load(made.folder, registry=registry)


@pytest.fixture(scope="module")
def client(predictor):
    with running(predictor) as client:
        yield client


@pytest.fixture(scope="module")
def texts_client(texts):
    with running(Predictor.load(texts)) as client:
        yield client


def points(*rows):
    return json.dumps({"rows": [{"x": list(row)} for row in rows]}).encode()


def upload(client, *files):
    return client.post("/predict", files=[("files", file) for file in files])


def refused(response, code):
    assert response.status_code == code and set(response.json()) == {"detail", "skipped"}
    return response.json()


def test_files_are_answered_as_the_predictor_does_in_their_order(made, predictor, client):
    refs = list(made.trial.valid.ref)[:5]

    response = upload(client, *[(f"{number}.points.json", points(ref)) for number, ref in enumerate(refs)])

    answers = response.json()["answers"]
    assert response.status_code == 200
    assert [answer["input"] for answer in answers] == [f"{number}.points.json" for number in range(5)]
    assert [answer["prediction"] for answer in answers] == predictor.predict(refs)
    wanted = predictor.predict_proba(refs).tolist()
    assert [list(answer["numbers"].values()) for answer in answers] == [pytest.approx(row, abs=1e-5) for row in wanted]
    assert list(answers[0]["numbers"]) == ["p(a)", "p(b)", "p(c)"]


def test_base64_in_json_is_a_file_too(made, client):
    content = points(made.trial.valid.ref[0])
    file = {"name": "one.points.json", "base64": base64.b64encode(content).decode()}

    assert client.post("/predict", json={"files": [file]}).json() == upload(client, ("one.points.json", content)).json()


def test_texts_are_answered(texts_client):
    response = texts_client.post("/predict", json={"texts": ["a lovely song", {"text": "a dull story"}, ""]})

    answers = response.json()["answers"]
    assert [answer["input"] for answer in answers] == ["text-0", "text-1", "text-2"]
    assert [answer["prediction"] for answer in answers[:2]] == ["pos", "neg"]
    assert upload(texts_client, ("b.txt", b"a lovely song")).json()["answers"][0]["numbers"] == answers[0]["numbers"]


def test_a_reason_why_a_text_cannot_be_read_is_the_modality_s_own(texts_client):
    parts = [{"text": "It was great."}, {"title": "part 1", "body": "1 of 2"}]
    (skip,) = refused(texts_client.post("/predict", json={"texts": parts}), 422)["skipped"]

    assert skip["input"] == "text-1"
    assert skip["reason"] == "Unknown column 'text'. Known: body, title."


def test_a_text_that_is_a_path_is_a_text(made, client, texts_client, texts):
    """Else a client could have files of the server read."""
    path = str(texts.parent / "said.csv")

    (answer,) = texts_client.post("/predict", json={"texts": [path]}).json()["answers"]
    assert answer["input"] == "text-0"
    path = str(made.folder.parent / "clouds.points.json")
    assert "0." not in refused(client.post("/predict", json={"texts": [path]}), 422)["skipped"][0]["reason"]


def test_a_table_is_refused_because_it_could_name_files_of_the_server(texts_client):
    body = refused(upload(texts_client, ("rows.csv", b"text,label\na lovely song,pos\nb,neg\n")), 422)

    assert body["skipped"] == [{"input": "rows.csv", "reason": "a table; send its rows one by one, as texts or files"}]


def test_an_archive_is_refused_and_nothing_of_it_is_extracted(texts_client):
    body = refused(upload(texts_client, ("songs.tar.gz", b"anything")), 422)

    assert body["skipped"] == [{"input": "songs.tar.gz", "reason": "an archive; send its files one by one"}]


def test_a_file_that_cannot_be_read_is_named_with_the_reason_and_without_paths_of_the_server(client):
    sound = ("good.points.json", points([0.1, 0.2, 0.3, 0.4]))

    body = refused(upload(client, sound, ("../bad.points.json", b"\xff\xfe nothing")), 422)

    assert body["detail"] == "1 inputs cannot be read."
    (skip,) = body["skipped"]
    assert skip["input"] == "../bad.points.json" and "not a file of points" in skip["reason"]
    assert "/tmp" not in skip["reason"]


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        ({"json": {}}, 422, "0 inputs; send 1 to 50"),
        ({"json": {"texts": ["a"] * 51}}, 422, "51 inputs"),
        ({"json": {"text": "a"}}, 422, "text: Extra inputs"),
        ({"json": [1]}, 422, "body: Input should be an object"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 422, "Invalid JSON"),
        ({"content": b'{"texts": ["\\ud800"]}', "headers": {"content-type": "application/json"}}, 422, "Invalid JSON"),
        ({"json": {"files": [{"base64": "?"}]}}, 422, "1 inputs cannot be read"),
        ({"content": b"a", "headers": {"content-type": "text/plain"}}, 415, "multipart/form-data"),
        ({"content": b"a", "headers": {"content-type": "multipart/form-data"}}, 400, "boundary"),
        ({"data": {"files": "a"}, "files": {"x": ("", b"")}}, 422, "cannot be read"),
        ({"content": b"a" * 100_001, "headers": {"content-type": "application/json"}}, 413, "larger than 100000 bytes"),
        ({"content": iter([b"a" * 60_000] * 2), "headers": {"content-type": "application/json"}}, 413, "larger than"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_a_client_does_wrong_is_said_as_json(client, sent, code, words):
    assert words in refused(client.post("/predict", **sent), code)["detail"]


def test_too_much_at_once_is_refused_for_a_while(made, predictor, monkeypatch):
    outputs, let_go = predictor.outputs, threading.Event()
    monkeypatch.setattr(predictor, "outputs", lambda rows: let_go.wait(60) and outputs(rows))
    with running(predictor, Limits(most_waiting=1)) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(upload, client, ("one.points.json", points(made.trial.valid.ref[0])))
        while not client.get("/health").json()["waiting"]:
            pass
        second = upload(client, ("two.points.json", points(made.trial.valid.ref[1])))

        assert "waiting already" in refused(second, 429)["detail"] and second.headers["retry-after"] == "1"
        let_go.set()
        assert first.result().status_code == 200


def test_more_bytes_at_once_than_memory_is_for_are_refused_for_a_while(made, predictor, monkeypatch):
    outputs, let_go = predictor.outputs, threading.Event()
    monkeypatch.setattr(predictor, "outputs", lambda rows: let_go.wait(60) and outputs(rows))
    padded = points(made.trial.valid.ref[0]) + b" " * 60_000
    with running(predictor, Limits(most_bytes=100_000, requests_at_once=1)) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(upload, client, ("one.points.json", padded))
        while not client.get("/health").json()["waiting"]:
            pass
        second = upload(client, ("two.points.json", padded))

        assert "bytes of requests are waiting already" in refused(second, 429)["detail"]
        assert second.headers["retry-after"] == "1"
        let_go.set()
        assert first.result().status_code == 200
        assert upload(client, ("two.points.json", padded)).status_code == 200


def test_requests_at_once_share_batches_and_each_gets_its_own_answers(made, predictor, client):
    refs = list(made.trial.valid.ref)
    wanted = predictor.predict(refs)

    with ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(upload, client, ("p.points.json", points(refs[n % len(refs)]))) for n in range(200)]

    answers = [one.result().json()["answers"][0]["prediction"] for one in sent]
    assert answers == [wanted[number % len(refs)] for number in range(200)]


def test_the_model_s_facts_are_told_and_no_path(made, client):
    info = client.get("/info").json()

    assert info == client.get("/").json()
    assert info["task"] == "clouds" and info["metric"] == "accuracy" and info["scores"]
    (target,) = info["targets"]
    assert target["name"] == "label" and target["classes"] == ["a", "b", "c"]
    assert info["members"] == [{"backbone": "tiny/wide", "strategy": "toy", "weight": 1.0}]
    assert str(made.folder.parent) not in json.dumps(info)
    assert client.get("/health").json() == {"status": "ok", "waiting": 0}


def test_openapi_describes_both_kinds_of_body_and_every_refusal(client):
    said = client.get("/openapi.json").json()["paths"]["/predict"]["post"]

    assert set(said["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    assert set(said["responses"]) == {"200", "400", "413", "415", "422", "429"}


@pytest.mark.slow
@pytest.mark.parametrize("which", ["client", "texts_client"])
def test_schemathesis_finds_no_server_error(request, which, tmp_path):
    pytest.importorskip("schemathesis")
    url = f"{request.getfixturevalue(which).base_url}/openapi.json".replace("//openapi", "/openapi")
    program = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    options = ["run", url, "--checks", checks, "--max-examples", "100", "--seed", "1", "--phases", "coverage,fuzzing"]

    done = subprocess.run(
        [sys.executable, "-c", program, *options], capture_output=True, text=True, timeout=110, cwd=tmp_path
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]

"""What does the service cost, beside the same answers offline? And is any of so many requests lost?

    python benchmarks/serving.py BUNDLE INPUT [INPUT ...] --requests 10000 --clients 64

One process answers all inputs offline, in batches of the model's own size; then `autosft serve` answers them one per
request, in batches of that size at most, asked by this process over so many connections. Every answer is compared. Text
models take a file of texts, one a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

OFFLINE = """
import json, sys, time
import torch
from autosft.deploy.predictor import Predictor
torch.set_num_threads(int(sys.argv[1]))
predictor = Predictor.load(sys.argv[2])
inputs = [tuple(one) if isinstance(one, list) else one for one in json.load(sys.stdin)]
predictor.predict(inputs[:64])
started, worked = time.perf_counter(), time.process_time()
answers = predictor.predict(inputs)
seconds, work = time.perf_counter() - started, time.process_time() - worked
batch = predictor.members[0][0].recipe.optim.batch_size
print(json.dumps([seconds, work, answers, batch]))
"""


def request_of(given: Any) -> bytes:
    """A whole request, as it goes over the wire: a text as JSON, a path as multipart."""
    if isinstance(given, list):
        kind, body = "application/json", json.dumps({"texts": given}).encode()
    else:
        kind = "multipart/form-data; boundary=xyz"
        head = f'--xyz\r\nContent-Disposition: form-data; name="files"; filename="{Path(given).name}"\r\n\r\n'
        body = head.encode() + Path(given).read_bytes() + b"\r\n--xyz--\r\n"
    return (
        f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


async def ask(port: int, requests: list[bytes], clients: int) -> list[tuple[int, Any, float]]:
    """Status, body and seconds of each request, over so many connections that are kept."""
    told: list[tuple[int, Any, float]] = [(0, None, 0.0)] * len(requests)
    waiting = iter(range(len(requests)))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in waiting:
            started = time.perf_counter()
            writer.write(requests[number])
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            assert length is not None, head
            body = json.loads(await reader.readexactly(int(length[1])))
            told[number] = (int(head.split()[1]), body, time.perf_counter() - started)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return told


def worked_seconds(process: int) -> float:
    """The seconds of computing that a process has had."""
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def served(bundle: Path, inputs: list[Any], clients: int, batch: int, environment: dict[str, str]) -> dict[str, Any]:
    """The seconds that the service took for all inputs, its answers, and what was not answered."""
    command = [sys.executable, "-m", "autosft", "serve", str(bundle), "--port", "0", "--batch", str(batch)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as service:
        assert service.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", service.stdout.readline())
        assert found is not None
        kinds = {str(given): request_of(given) for given in inputs}
        requests = [kinds[str(given)] for given in inputs]
        asyncio.run(ask(int(found[1]), requests[:64], clients))
        started, worked = time.perf_counter(), worked_seconds(service.pid)
        told = asyncio.run(ask(int(found[1]), requests, clients))
        seconds, work = time.perf_counter() - started, worked_seconds(service.pid) - worked
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
    answers = [body["answers"][0]["prediction"] if status == 200 else None for status, body, _ in told]
    return {"seconds": seconds, "work": work, "answers": answers, "latencies": sorted(took for _, _, took in told)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("inputs", nargs="+", type=Path)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    if [path.suffix for path in given.inputs] == [".txt"]:
        known: list[Any] = [[line] for line in given.inputs[0].read_text().splitlines()]
    else:
        known = [str(path) for path in given.inputs]
    inputs = [known[number % len(known)] for number in range(given.requests)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", OFFLINE, str(given.threads), str(given.bundle)]
    done = subprocess.run(
        command, input=json.dumps(inputs), capture_output=True, text=True, check=True, env=environment
    )
    offline, work, wanted, batch = json.loads(done.stdout.splitlines()[-1])
    service = served(given.bundle, inputs, given.clients, batch, environment)
    lost = sum(answer is None for answer in service["answers"])
    other = sum(one != two for one, two in zip(service["answers"], wanted, strict=True)) - lost
    latencies = service["latencies"]
    print(f"offline: {given.requests / offline:.1f} inputs per second, in batches of {batch}")
    print(f"service: {given.requests / service['seconds']:.1f}, ratio {offline / service['seconds']:.2f}")
    each, service_each = (1000 * seconds / given.requests for seconds in (work, service["work"]))
    print(f"computing per input: {each:.2f} ms offline, {service_each:.2f} ms in the service")
    print(f"requests {given.requests}, lost {lost}, answered otherwise {other}")
    median, tail = (1000 * latencies[len(latencies) * fraction // 100] for fraction in (50, 99))
    print(f"latency: median {median:.0f} ms, 99th percentile {tail:.0f} ms")


if __name__ == "__main__":
    main()

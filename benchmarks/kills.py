"""What `kill -9` at random moments costs: finished trials lost, finished trials trained again, runs that did not end.

Each round starts a short search, kills the driver, its worker or both once at a random moment, and gives the same
command again until it ends. What the driver said is logged by the driver itself, line by line.

    python benchmarks/kills.py --rounds 100 --at-once 2
    python benchmarks/kills.py --rounds 50 --strategies toy,softmatch,vicreg --trials 8 \\
        --plugins autosft-semisupervised,autosft-pretraining

Where other strategies are named, there are rows without labels too, and encoders that trials start from must be made
once.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import steady

from autosft.contracts.record import Record, Result
from autosft.testing import toy

DRIVER = """
import os, sys
from autosft.search.driver import run_search
log = os.open(sys.argv[3], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def callback(event):
    number = getattr(event, "number", getattr(getattr(event, "record", None), "number", ""))
    text = getattr(event, "text", "")
    made = " ".join(text.split()[:4]) if "has pretrained" in text else ""
    os.write(log, f"{type(event).__name__} {number}{made}\\n".encode())
run_search(sys.argv[1], run=sys.argv[2], callback=callback, budget=None, trials=int(sys.argv[4]),
           threads=1, device="cpu", strategies=sys.argv[5].split(","))
"""


def workers_of(driver: int) -> list[int]:
    """The process ids of a driver's workers."""
    children = Path(f"/proc/{driver}/task/{driver}/children")
    return [int(pid) for pid in children.read_text().split()] if children.exists() else []


def finished(run: Path) -> dict[str, bytes]:
    """The records of trials that are over."""
    found = {path.parent.name: path.read_bytes() for path in run.glob("trials/*/record.json")}
    return {name: content for name, content in found.items() if Record.model_validate_json(content).state == "done"}


def one(number: int, folder: Path, environment: dict[str, str], arguments: argparse.Namespace) -> Counter[str]:
    """One round; what it cost."""
    draw = random.Random(number)
    points = toy.make_points(folder / f"{number}.points.json", rows=90, seed=1)
    run, log = folder / f"run-{number}", folder / f"{number}.log"
    command = [
        sys.executable,
        "-c",
        DRIVER,
        str(points),
        str(run),
        str(log),
        str(arguments.trials),
        arguments.strategies,
    ]
    driver = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    time.sleep(draw.uniform(0.5, arguments.longest))
    target = draw.choice(["driver", "worker", "both"])
    pids = workers_of(driver.pid) if target != "driver" else []
    for pid in pids + ([driver.pid] if target != "worker" else []):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it had ended already
    counts = Counter({f"killed {target}": 1})
    code = driver.wait() if target != "worker" else 0
    before = finished(run) if target != "worker" else {}
    lines_before = log.read_text().splitlines() if log.exists() else []
    if target == "worker":
        code = driver.wait()
        counts["the driver went on by itself"] += code == 0
    counts["after the search had ended"] += code == 0 and target != "worker"
    for _ in range(3):
        again = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
        if again.returncode == 0:
            break
        print(f"round {number}, after the {target} was killed: {again.stderr.strip().splitlines()[-1:]}", flush=True)
    after = finished(run)
    counts["finished trials lost"] += sum(after.get(name) != content for name, content in before.items())
    over = {line.split()[1] for line in lines_before if line.startswith("TrialFinished")}
    later = log.read_text().splitlines()[len(lines_before) :]
    trained = {line.split()[1] for line in later if line.startswith(("TrialStarted", "TrialResumed", "EpochFinished"))}
    counts["finished trials trained again"] += len(over & trained)
    made = [line for line in log.read_text().splitlines() if "has pretrained" in line]
    counts["encoders made"] += len(made)
    counts["encoders made twice"] += len(made) - len(set(made))
    records = [Record.read(path) for path in run.glob("trials/*/record.json")]
    twice = [record for record in records if len({(e.stage, e.number) for e in record.epochs}) != len(record.epochs)]
    counts["epochs counted twice"] += len(twice)
    result = Result.read(run / "result.json") if (run / "result.json").exists() else None
    counts["reached the result"] += result is not None and sum(result.trials.values()) == arguments.trials
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--strategies", default="steady", help="by commas")
    parser.add_argument("--plugins", default="", help="the packages that they come from, by commas")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.2, help="how long an epoch lasts")
    parser.add_argument("--longest", type=float, default=14.0, help="the latest moment of a kill, in seconds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        packages = [name for name in arguments.plugins.split(",") if name]
        environment = steady.install(folder / "plugins", *packages, seconds=arguments.seconds)
        with ThreadPoolExecutor(arguments.at_once) as pool:
            rounds = range(arguments.rounds)
            counts: Counter[str] = Counter()
            for costs in pool.map(lambda number: one(number, folder, environment, arguments), rounds):
                counts.update(costs)
    print(f"{arguments.rounds} rounds of {arguments.trials} trials of {arguments.strategies}")
    for what in sorted(counts):
        print(f"{counts[what]:5d}  {what}")


if __name__ == "__main__":
    main()

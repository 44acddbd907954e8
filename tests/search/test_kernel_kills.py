"""What happens when the kernel itself ends a worker because memory ran out: in a control group of 2 GiB.

Skipped where this machine lets us make no such group.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autosft.contracts.record import Record, Result

pytestmark = [pytest.mark.usefixtures("plugins"), pytest.mark.slow]

LIMIT = 2 * 2**30

INTO_THE_GROUP = 'echo $$ >"$0/cgroup.procs" && exec "$@"'


def make_group(name):
    """A control group that holds its processes to `LIMIT`, swapping nothing.

    Raises:
        OSError: This machine lets us make none.
    """
    root = Path("/sys/fs/cgroup")
    if (root / "memory").is_dir():  # version 1
        group, limits = root / "memory" / name, ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        group.mkdir()
    else:
        (root / "cgroup.subtree_control").write_text("+memory")
        group, limits = root / name, ("memory.max",)
        group.mkdir()
        if (group / "memory.swap.max").exists():
            (group / "memory.swap.max").write_text("0")
    for limit in limits:
        (group / limit).write_text(str(LIMIT))
    return group


@pytest.fixture
def search(points, tmp_path):
    """A function that searches within the group, and gives what was said."""
    name = f"autosft-{tmp_path.name}"
    try:
        group = make_group(name)
    except OSError as error:
        pytest.skip(f"this machine lets us make no control group ({error})")
    options = ["--budget", "none", "--threads", "1", "--device", "cpu", "--run", str(tmp_path / "run")]

    def run(*more):
        command = [sys.executable, "-m", "autosft", "search", str(points), *options, *more]
        command = ["sh", "-c", INTO_THE_GROUP, str(group), *command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    yield run
    while (group / "cgroup.procs").read_text():
        time.sleep(0.1)
    group.rmdir()


def records(folder):
    return [Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))]


def test_a_worker_that_the_kernel_ended_goes_on_with_fewer_rows_and_that_is_remembered(search, tmp_path):
    said = search("--trials", "2", "--strategies", "gorges", "--backbones", "tiny/narrow")

    halved = [re.findall(r"\d+", line) for line in said if "memory ran out" in line]
    assert halved == [["0", "32", "16"], ["0", "16", "8"]]
    result = Result.read(tmp_path / "run" / "result.json")
    assert sum(result.trials.values()) == 2 and result.test is not None
    assert [record.micro_batch for record in records(tmp_path / "run")] == [8, 8]


def test_a_trial_for_which_no_memory_is_enough_ends_after_three_times_and_the_search_goes_on(search, tmp_path):
    said = search("--trials", "2", "--strategies", "bottomless,toy", "--backbones", "tiny/narrow")

    assert len([line for line in said if "memory ran out with" in line]) == 3
    outcomes = {record.recipe.strategy: record for record in records(tmp_path / "run")}
    assert outcomes["toy"].state == "done" and Result.read(tmp_path / "run" / "result.json").test is not None
    starved = outcomes["bottomless"]
    assert starved.state == "out_of_memory" and starved.micro_batch == 4
    assert starved.error == "the worker was lost: the system ended it, because memory ran out; see worker.log"

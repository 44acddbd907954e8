"""What a search survives: each misfortune is real. Processes are killed, signals sent, memory and disks are used up."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autosft.contracts.record import Record, Result
from autosft.deploy.predictor import Predictor
from autosft.errors import CannotWrite
from autosft.search.driver import run_search
from autosft.search.events import EpochFinished, Noted, TrialFinished, TrialPaused, TrialStarted
from autosft.search.memory.study import Study, sqlite_url

pytestmark = [pytest.mark.usefixtures("plugins"), pytest.mark.slow]

SETTINGS = {"budget": None, "threads": 1, "device": "cpu", "strategies": ["sleeps"], "backbones": ["tiny/narrow"]}
COMMAND = [sys.executable, "-m", "autosft", "search", "--budget", "none", "--threads", "1", "--device", "cpu"]


def records(folder):
    return {path.parent.name: Record.read(path) for path in sorted(folder.glob("trials/*/record.json"))}


def workers_of(parent):
    """The process ids of a driver's workers."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
        except OSError:
            continue  # it has just ended
    return found


@pytest.fixture
def started(points, tmp_path):
    """A function that starts a search as a user would, and waits until the first epoch of some trial is over."""
    processes = []

    def start(*options, trial=0, **kwargs):
        command = [*COMMAND, str(points), "--run", str(tmp_path / "run"), "--strategies", "sleeps", *options]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs))
        checkpoint = tmp_path / "run" / "trials" / f"{trial:04d}" / "last.pt"
        deadline = time.monotonic() + 60
        while not checkpoint.exists():
            assert time.monotonic() < deadline and processes[-1].poll() is None, processes[-1].communicate()
            time.sleep(0.01)
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_killed_worker_costs_no_trial_and_the_weights_are_the_same_bit_for_bit(points, tmp_path):
    whole = run_search(points, trials=2, run=tmp_path / "whole", **SETTINGS)
    notes, killed = [], []

    def callback(event):
        if isinstance(event, Noted):
            notes.append(event.text)
        if isinstance(event, EpochFinished) and event.epoch.number == 4 and not killed:
            killed.extend(workers_of(os.getpid()))
            for worker in killed:
                os.kill(worker, signal.SIGKILL)

    result = run_search(points, trials=2, run=tmp_path / "hit", callback=callback, **SETTINGS)

    assert len(killed) == 1
    assert len(notes) == 1 and notes[0].endswith("its worker was lost (killed by signal 9); it goes on with another")
    assert result.trials == whole.trials and result.test == whole.test
    trained = [record for record in records(tmp_path / "hit").values() if record.state == "done"]
    assert trained
    for record in trained:
        paths = [tmp_path / run / "trials" / f"{record.number:04d}" / "model.safetensors" for run in ("whole", "hit")]
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert [epoch.number for epoch in record.epochs] == list(range(1, len(record.epochs) + 1))


def test_ctrl_c_finishes_with_the_best_so_far_and_the_same_command_goes_on(started, tmp_path, points):
    search = started("--trials", "3", trial=1)
    search.send_signal(signal.SIGINT)
    output, errors = search.communicate(timeout=60)
    result = Result.read(tmp_path / "run" / "result.json")

    assert (
        search.returncode == 0 and "Interrupted: finishing with the best so far" in output and "Traceback" not in errors
    )
    assert result.interrupted and result.trials["done"] and result.test is not None and not result.refitted
    assert Predictor.load(tmp_path / "run").predict([[0.0] * 4])

    events = []
    result = run_search(points, trials=3, run=tmp_path / "run", callback=events.append, **{**SETTINGS, "backbones": []})

    assert not result.interrupted and sum(result.trials.values()) == 3 and result.test_reads == 2
    assert [entry.number for entry in events if isinstance(entry, TrialStarted)][-1] == 2


def test_ctrl_c_after_the_very_first_epoch_finishes_with_its_model_and_the_same_command_goes_on(
    started, tmp_path, points
):
    search = started("--trials", "2", trial=0)
    time.sleep(0.3)  # the driver has heard of the epoch, and the next one is under way
    search.send_signal(signal.SIGINT)
    _, errors = search.communicate(timeout=60)
    result = Result.read(tmp_path / "run" / "result.json")

    assert search.returncode == 0 and "Traceback" not in errors
    assert result.interrupted and result.best[0].number == 0 and result.test is not None
    assert Predictor.load(tmp_path / "run").predict([[0.0] * 4])
    again = run_search(points, trials=2, run=tmp_path / "run", **{**SETTINGS, "backbones": []})
    assert not again.interrupted and sum(again.trials.values()) == 2


def test_ctrl_c_before_any_score_leaves_a_run_that_goes_on(points, tmp_path):
    run = ["--run", str(tmp_path / "run"), "--trials", "1", "--strategies", "hangs"]
    with subprocess.Popen([*COMMAND, str(points), *run], stderr=subprocess.PIPE, text=True) as search:
        while not list(tmp_path.glob("run/study.db")) or not workers_of(search.pid):
            time.sleep(0.05)
        time.sleep(1.0)
        search.send_signal(signal.SIGINT)
        _, errors = search.communicate(timeout=30)

    assert search.returncode == 130 and errors.splitlines()[-1] == "Interrupted. The same command goes on from here."
    assert not (tmp_path / "run" / "result.json").exists()


def test_ctrl_c_twice_leaves_within_two_seconds(started, tmp_path):
    search = started("--trials", "3", trial=1)
    search.send_signal(signal.SIGINT)
    time.sleep(0.2)
    sent = time.monotonic()
    search.send_signal(signal.SIGINT)
    _, errors = search.communicate(timeout=30)

    assert time.monotonic() - sent < 2
    assert search.returncode == 130 and "Traceback" not in errors
    assert not workers_of(search.pid) and not (tmp_path / "run" / "result.json").exists()
    left = Study(sqlite_url(tmp_path / "run" / "study.db"), "autosft").trials()
    assert 1 in [trial.number for trial in left if trial.running or trial.record.state == "paused"]


def test_sigterm_ends_with_143_and_leaves_a_run_that_goes_on(started, tmp_path, points):
    search = started("--trials", "2", trial=1)
    search.send_signal(signal.SIGTERM)
    _, errors = search.communicate(timeout=30)

    assert search.returncode == 143 and errors.splitlines()[-1] == "Interrupted. The same command goes on from here."
    result = run_search(points, trials=2, run=tmp_path / "run", **{**SETTINGS, "backbones": []})
    assert sum(result.trials.values()) == 2


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: content[:99] + b"?" + content[100:]])
def test_a_damaged_checkpoint_costs_epochs_and_neither_the_trial_nor_the_search(started, tmp_path, points, damage):
    search = started("--trials", "2")
    search.kill()
    search.communicate()
    path = tmp_path / "run" / "trials" / "0000" / "last.pt"
    path.write_bytes(damage(path.read_bytes()))

    search = started("--trials", "2", trial=1)
    output, errors = search.communicate(timeout=60)

    assert search.returncode == 0 and "Traceback" not in errors
    assert output.count(f"Stage 'toy' is trained anew, because of a checkpoint: {path}: damaged") == 1
    assert Result.read(tmp_path / "run" / "result.json").test is not None
    first = records(tmp_path / "run")["0000"]
    assert first.state in ("done", "paused") and len(first.notes) == 1
    assert [epoch.number for epoch in first.epochs] == list(range(1, len(first.epochs) + 1))


def test_where_the_best_paused_trial_is_damaged_the_next_best_becomes_the_model(points, tmp_path):
    paused = {}

    def callback(event):
        if isinstance(event, TrialPaused):
            paused[event.record.number] = event.record
            if len(paused) == 2:
                best = min(paused.values(), key=Record.order)
                (tmp_path / "run" / "trials" / f"{best.number:04d}" / "last.pt").write_bytes(b"cut")
                os.kill(os.getpid(), signal.SIGINT)

    result = run_search(points, trials=9, run=tmp_path / "run", callback=callback, **{**SETTINGS, "backbones": []})

    best, second = sorted(paused.values(), key=Record.order)
    assert result.interrupted and result.best[0].number == second.number and result.test is not None
    damaged = records(tmp_path / "run")[f"{best.number:04d}"]
    assert damaged.state == "interrupted" and "last.pt: damaged" in damaged.notes[0]


def test_ctrl_c_in_a_terminal_does_not_reach_the_workers(started):
    search = started("--trials", "2", start_new_session=True)
    (worker,) = workers_of(search.pid)
    assert os.getpgid(worker) != os.getpgid(search.pid)


def test_a_loss_that_is_not_finite_is_never_best(points, tmp_path):
    settings = {**SETTINGS, "strategies": ["diverges", "toy"]}
    result = run_search(points, trials=3, run=tmp_path / "run", **settings)

    states = {record.recipe.strategy: record.state for record in records(tmp_path / "run").values()}
    assert states == {"diverges": "diverged", "toy": "done"} and result.best[0].recipe.strategy == "toy"


def test_a_hung_worker_is_ended_at_its_deadline_and_the_search_goes_on(points, tmp_path):
    settings = {**SETTINGS, "strategies": ["hangs", "toy"], "budget": 40.0}
    events = []
    started = time.monotonic()
    result = run_search(points, trials=4, run=tmp_path / "run", callback=events.append, **settings)

    hung = next(entry.record for entry in events if isinstance(entry, TrialFinished) and entry.record.state == "failed")
    assert hung.error == "the worker was lost: it did not end in time; see worker.log"
    assert result.best[0].recipe.strategy == "toy" and time.monotonic() - started < 41


@pytest.mark.parametrize("strategy", ["hungry", "whole"])
def test_when_memory_runs_out_fewer_rows_are_taken_at_once_and_that_is_remembered(strategy, points, tmp_path):
    notes = []
    settings = {**SETTINGS, "strategies": [strategy]}
    result = run_search(
        points,
        trials=2,
        run=tmp_path / "run",
        callback=lambda event: notes.append(getattr(event, "text", "")),
        **settings,
    )

    said = [note for note in notes if "memory ran out" in note and "goes on with" in note]
    assert [re.findall(r"\d+", note)[1:] for note in said] == [["32", "16"], ["16", "8"], ["8", "4"]], said
    assert sum(result.trials.values()) == 2
    kept = list(records(tmp_path / "run").values())
    assert [record.micro_batch for record in kept] == [4, 4]
    smaller = [any("in batches of 4 rows instead of 32" in note for note in record.notes) for record in kept]
    assert smaller == [strategy == "whole"] * 2


def test_two_workers_train_side_by_side_and_nothing_twice(points, tmp_path):
    events = []
    result = run_search(
        points, trials=5, workers=2, run=tmp_path / "run", callback=events.append, **{**SETTINGS, "backbones": []}
    )

    order = [(type(entry).__name__, getattr(entry, "number", None)) for entry in events]
    assert order.index(("TrialStarted", 1)) < order.index(("TrialPaused", None))
    assert sum(result.trials.values()) == 5
    recipes = [record.recipe.changed(seed=0).model_dump_json() for record in records(tmp_path / "run").values()]
    assert len(set(recipes)) == len(recipes) == 5


def test_on_a_full_disk_nothing_is_lost_and_the_search_goes_on_after_room_is_made(points, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us mount no small disk")
    try:
        run = disk / "run"
        with pytest.raises(CannotWrite, match=r"No space left on device|disk is full"):
            run_search(points, trials=4, run=run, callback=_filler(disk), **SETTINGS)
        (path,) = run.glob("trials/*/record.json")
        before = Record.read(path)
        assert before.number == 0 and before.epochs

        (disk / "filler").unlink()
        result = run_search(points, trials=4, run=run, **SETTINGS)

        assert sum(result.trials.values()) == 4
        assert Record.read(path).epochs[: len(before.epochs)] == before.epochs, "it was paused, and has gone on at most"
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _filler(disk):
    """Fills the disk when the first trial has ended."""

    def callback(event):
        if isinstance(event, TrialPaused) and event.record.number == 0:
            with (disk / "filler").open("wb") as stream:
                free = os.statvfs(disk)
                stream.write(b"\0" * (free.f_bavail * free.f_bsize - 8192))

    return callback


def test_a_folder_that_cannot_be_written_is_one_clear_line(points, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this machine lets us mount no read-only disk")
    try:
        command = [*COMMAND, str(points), "--run", str(disk / "run"), "--trials", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)

    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"Error: {disk / 'run'}: cannot be written")

"""Whoever loads rows, batches and trained weights are the same, bit for bit; and nobody stays behind."""

import gc
import multiprocessing
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from unlucky import Mortal, Slow, Unlucky

from autosft.contracts.rows import Rows
from autosft.contracts.tensors import Batch, Mixed
from autosft.contracts.trial import Loaders
from autosft.data.arrow import open_rows, write_rows
from autosft.data.cache import SampleCache
from autosft.errors import Diverged, Unreadable
from autosft.testing.toy import ToyModality, ToyStrategy
from autosft.training import ahead, processes
from autosft.training.loaders import Loader
from autosft.training.loop import train

BY_THREADS = [Loaders(0), Loaders(1), Loaders(3)]
BY_PROCESSES = [Loaders(1, "processes"), Loaders(3, "processes")]


@pytest.fixture
def no_trifles(monkeypatch):
    """Threads are asked whatever it takes."""
    monkeypatch.setattr(ahead, "TRIFLE_SECONDS", -1.0)


@pytest.fixture
def trial(trial, tmp_path):
    """The toy trial, augmented, with its rows in files."""

    def in_file(rows, name):
        write_rows(tmp_path / name, rows, {})
        return open_rows(tmp_path / name)[0]

    recipe = trial.parts.recipe.changed(regular=trial.parts.recipe.regular.model_copy(update={"augment": "strong"}))
    parts = replace(trial.parts, recipe=recipe)
    return replace(trial, parts=parts, train=in_file(trial.train, "train"), valid=in_file(trial.valid, "valid"))


@pytest.fixture(autouse=True)
def nobody_left():
    """Threads and processes that load are gone after every test."""
    yield
    gc.collect()
    wait_until(lambda: not loading())


def loading():
    return [one.name for one in threading.enumerate() if one.name.startswith("loader")] + [
        child.pid for child in multiprocessing.active_children()
    ]


def wait_until(true, seconds=20):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def loaded(trial, runtime, loaders, **choices):
    loader = Loader(trial.parts, replace(runtime, loaders=loaders), trial.train, ["strong", "none"], **choices)
    return [[*batch.inputs, *batch.targets, batch.weights, batch.rows] for batch in loader.epoch(3)]


def equal(some, others):
    pairs = zip(some, others, strict=True)
    return all(torch.equal(one, other) if torch.is_tensor(one) else one == other for one, other in pairs)


@pytest.mark.parametrize("loaders", [*BY_THREADS, *BY_PROCESSES], ids=str)
def test_batches_are_the_same_whoever_loads_them(trial, runtime, no_trifles, loaders):
    here = loaded(trial, runtime, Loaders(0), shuffle=True, batch_size=7)

    there = loaded(trial, runtime, loaders, shuffle=True, batch_size=7)

    assert len(here) == len(there) > 1 and all(map(equal, here, there))


@pytest.mark.parametrize("loaders", [*BY_THREADS[1:], BY_PROCESSES[1]], ids=str)
def test_a_model_has_the_same_weights_whoever_loads_its_rows(trial, runtime, no_trifles, tmp_path, loaders):
    here = train(trial, runtime, ToyStrategy())

    there = train(replace(trial, folder=tmp_path / "there"), replace(runtime, loaders=loaders), ToyStrategy())

    assert equal(here.model.state_dict().values(), there.model.state_dict().values())
    assert here.evaluation.score == there.evaluation.score and here.evaluation.loss == there.evaluation.loss


@pytest.mark.parametrize("loaders", [*BY_THREADS, BY_PROCESSES[1]], ids=str)
def test_nobody_who_loads_touches_a_global_generator(trial, runtime, no_trifles, loaders):
    before = torch.get_rng_state(), np.random.get_state()[1]
    loaded(trial, runtime, loaders)
    assert torch.equal(torch.get_rng_state(), before[0]) and (np.random.get_state()[1] == before[1]).all()


@pytest.mark.parametrize("count", [0, 2])
def test_rows_are_seen_on_one_intra_op_thread_and_nobody_else_is_left_with_it(trial, runtime, no_trifles, count):
    seen = []

    class Asking(ToyModality):
        def read(self, row):
            seen.append(torch.get_num_threads())
            return super().read(row)

        def collate(self, samples):
            seen.append(torch.get_num_threads())
            return super().collate(samples)

    torch.set_num_threads(3)
    parts = replace(trial.parts, modality=Asking())
    for _ in Loader(parts, replace(runtime, read=Asking().read, loaders=Loaders(count)), trial.train).epoch():
        later = threading.Thread(target=lambda: seen.append(torch.get_num_threads() - 2))
        later.start()
        later.join()
        assert torch.get_num_threads() == 3
    assert set(seen) == {1}


@pytest.mark.parametrize("loaders", [*BY_THREADS, *BY_PROCESSES], ids=str)
def test_an_error_is_that_of_the_part_that_raises_it(trial, runtime, no_trifles, loaders):
    parts = replace(trial.parts, modality=Unlucky())
    broken = replace(trial, parts=parts)
    with pytest.raises(Unreadable, match=r"^row-21: it is not there\.$") as caught:
        train(broken, replace(runtime, read=parts.modality.read, loaders=loaders), ToyStrategy())
    assert any(frame.name == "read" for frame in traceback.extract_tb(caught.value.__traceback__))


@pytest.mark.parametrize("problem", [KeyboardInterrupt, Diverged])
@pytest.mark.parametrize("loaders", [Loaders(3), BY_PROCESSES[1]], ids=str)
def test_whoever_loads_ends_with_an_epoch_that_is_left(trial, runtime, no_trifles, loaders, problem):
    loader = Loader(trial.parts, replace(runtime, loaders=loaders), trial.train, batch_size=4)

    def epoch():
        for _ in loader.epoch():
            assert loading() or loaders.kind == "processes"
            raise problem

    with pytest.raises(problem):
        epoch()  # the fixture waits until they are gone


def test_few_batches_lie_in_memory_however_slow_the_model_is(trial, runtime, no_trifles):
    read = []
    slow = replace(runtime, read=lambda row: read.append(row.id) or ToyModality().read(row), loaders=Loaders(3))
    for number, _ in enumerate(Loader(trial.parts, slow, trial.train, batch_size=4).epoch(), 1):
        time.sleep(0.02)
        assert len(read) <= 4 * (number + ahead.AHEAD)


def test_rows_that_take_no_time_are_loaded_by_nobody_else(trial, runtime):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ahead, "ThreadPoolExecutor", None)
        patch.setattr(ahead, "TRIFLE_SECONDS", 60.0)
        assert loaded(trial, runtime, Loaders(3))


def test_a_process_that_is_ended_for_want_of_memory_costs_the_trial_nothing(trial, runtime, caplog):
    parts = replace(trial.parts, modality=Mortal())
    mortal = replace(runtime, read=parts.modality.read, loaders=BY_PROCESSES[0])
    here = loaded(trial, runtime, Loaders(0), batch_size=7)
    loader = Loader(parts, mortal, trial.train, ["strong", "none"], batch_size=7)

    there = [[*batch.inputs, *batch.targets, batch.weights, batch.rows] for batch in loader.epoch(3)]

    assert all(map(equal, here, there)) and "BrokenProcessPool" in caplog.text
    caplog.clear()
    assert len(list(loader.epoch(4))) == len(here) and not caplog.text  # nobody tries again


@pytest.mark.parametrize("lacking", ["shared memory", "memory", "a file", "a way to send a part"])
def test_threads_load_where_processes_cannot(trial, runtime, monkeypatch, caplog, lacking):
    if lacking == "shared memory":
        monkeypatch.setattr(processes, "SPARE", 1e15)
        monkeypatch.setattr(processes, "free_bytes", lambda: float("inf"))
    if lacking == "memory":
        monkeypatch.setattr(processes, "free_bytes", lambda: 1e9)
    if lacking == "a file":
        trial = replace(trial, train=Rows.of(trial.train))
    if lacking == "a way to send a part":
        runtime = replace(runtime, read=lambda row: ToyModality().read(row))
    assert loaded(trial, runtime, BY_PROCESSES[1]) and "NoProcesses" in caplog.text


@pytest.mark.parametrize("cached", [False, True])
def test_processes_are_tried_where_threads_starve_the_model_for_longer_than_the_first_epoch(
    trial, runtime, monkeypatch, cached
):
    monkeypatch.setattr(ahead, "STARVED_SECONDS", 0.3)
    modality = Slow()
    read = SampleCache(modality.read, limit=1e9 if cached else 0.0)
    auto = replace(runtime, read=read, loaders=Loaders(2, "auto"))
    loader = Loader(replace(trial.parts, modality=modality), auto, trial.train, shuffle=True, batch_size=4)
    kinds = []
    for epoch in range(3):
        list(loader.epoch(epoch))
        kinds.append(loader._ahead.loaders.kind)
    assert kinds[0] == ("auto" if cached else "processes")
    assert (kinds[1] == kinds[2] == "auto") == cached


def test_the_better_of_threads_and_processes_goes_on(trial, runtime, monkeypatch):
    monkeypatch.setattr(ahead, "STARVED_SECONDS", 0.0)
    monkeypatch.setattr(ahead, "STARVED_FRACTION", 0.0)
    for waited, kept in ((1e9, "processes"), (0.0, "threads")):
        loader = Loader(trial.parts, replace(runtime, loaders=Loaders(2, "auto")), trial.train, batch_size=4)
        list(loader.epoch())
        assert loader._ahead.loaders.kind == "processes"
        loader._ahead._threads_waited = waited
        list(loader.epoch())
        assert loader._ahead.loaders.kind == kept


def test_processes_end_with_a_worker_that_is_killed(trial, runtime, tmp_path):
    code = f"""
import time, torch
from pathlib import Path
from autosft.data.arrow import open_rows
from autosft.builtin.classification import Classification
from autosft.contracts.trial import Loaders, Runtime
from autosft.testing.toy import registry
from autosft.testing.trials import make_trial, points_task, quick_recipe
from autosft.training.loaders import Loader
task = points_task(Path({str(tmp_path / "clouds.points.json")!r}))
trial = make_trial(Path({str(tmp_path / "other")!r}), task, registry(Classification()), quick_recipe("toy"))
runtime = Runtime(trial.parts.modality.read, torch.device("cpu"), loaders=Loaders(2, "processes"))
rows = open_rows(Path({str(tmp_path / "train")!r}))[0]
for number, batch in enumerate(Loader(trial.parts, runtime, rows, batch_size=4).epoch()):
    if number == 3:
        print("ready", flush=True)
        time.sleep(60)
"""
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert worker.stdout.readline() == b"ready\n"
    assert len(group(worker.pid)) >= 3
    worker.kill()
    worker.communicate()
    wait_until(lambda: not group(worker.pid))


def group(leader):
    """The processes of a group, but for those that have ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, number = path.read_text().rpartition(")")[2].split()[:3]
            found += [path] * (int(number) == leader and state != "Z")
    return found


@pytest.mark.parametrize("count", [0, 3])
def test_rows_that_are_only_decoded_come_in_order_and_an_error_with_its_row(trial, runtime, count, monkeypatch):
    monkeypatch.setattr(ahead, "TRIFLE_TO_READ", -1.0)
    some = replace(runtime, loaders=Loaders(count))
    assert [row.id for row, _ in ahead.read_ahead(some, trial.train)] == trial.train.id.tolist()
    read = []
    with pytest.raises(Unreadable, match="row-21"):
        for row, _ in ahead.read_ahead(replace(some, read=Unlucky().read), trial.train):
            read.append(row.id)
    assert read == trial.train.id.tolist()[: trial.train.id.tolist().index("row-21")]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="only machines with a GPU have pinned memory")
def test_every_tensor_of_a_batch_is_pinned_for_a_gpu(trial, runtime, no_trifles):
    gpu = replace(runtime, device=torch.device("cuda"), loaders=Loaders(2))
    for batch in Loader(trial.parts, gpu, trial.train, ["strong", "none"], batch_size=7).epoch():
        assert all(tensor.is_pinned() for tensor in (*batch.inputs, *batch.targets, batch.weights))
        assert {tensor.device.type for tensor in batch.to("cuda").inputs} == {"cuda"}


def test_the_bytes_of_a_batch_are_those_of_all_its_tensors():
    mixed = Mixed((torch.zeros(3),), torch.zeros(3), 0.5)
    batch = Batch(
        {"a": torch.zeros(3, 2), "b": [torch.zeros(5), "text", 1.0]}, (), ("x", "y", "z"), torch.ones(3), mixed
    )
    assert batch.nbytes == 4 * (3 * 2 + 5 + 3 + 3 + 3)
    assert batch.to("cpu").inputs["b"][1:] == ["text", 1.0]

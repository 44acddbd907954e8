"""Processes that train a trial together: to the same weights as one, each of them, and after a kill too."""

import signal
import subprocess
import sys
import uuid

import pytest
import torch
from safetensors.torch import load_file

from autosft.testing.toy import make_points

PROGRAM = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import torch
from safetensors.torch import save_file
from torch.distributed import FileStore
from autosft.builtin.classification import Classification
from autosft.contracts.recipe import Optim
from autosft.errors import Diverged, LostContact, OutOfTime
from autosft.testing.toy import ToyStrategy, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.loop import train
from autosft.training.ranks import joined

rank, world, survives, trips = map(int, sys.argv[1:5])
meeting, points, folder = map(Path, sys.argv[5:8])
torch.set_num_threads(1)
recipe = quick_recipe("toy").changed(optim=Optim(lr=1e-2, head_lr=5e-2, batch_size=7, ema=0.9))
trial = make_trial(folder / "trial", points_task(points), registry(Classification()), recipe)
runtime, epochs, asked = replace(make_runtime(trial), world=world, rank=rank, micro_batch=3), [], []

def seconds_left():
    asked.append(None)
    return -1.0 if trips and len(asked) > trips else float("inf")

def killed(epoch):
    epochs.append(epoch)
    if len(epochs) == survives:
        os.kill(os.getpid(), signal.SIGKILL)

if rank == 0:
    runtime = replace(runtime, seconds_left=seconds_left)
with joined(FileStore(str(meeting), world), rank, world, runtime.device):
    try:
        trained = train(trial, runtime, ToyStrategy(), killed)
    except (LostContact, OutOfTime) as problem:
        print(type(problem).__name__)
    else:
        print(len(trained.epochs), trained.epochs[-1].loss, trained.evaluation and trained.evaluation.score)
        save_file(trained.model.state_dict(), folder / f"{rank}.safetensors")
sys.stdout.flush()
os._exit(0)  # as workers end: torch may abort where an interpreter ends after contact was lost
"""


@pytest.fixture
def together(tmp_path):
    """A function that trains the same trial by so many processes, in a folder: what each of them said."""
    points = make_points(tmp_path / "clouds.points.json", rows=60)

    def train(world, folder, *, survives=0, trips=0):
        folder.mkdir(exist_ok=True)
        meeting = tmp_path / f"meeting-{uuid.uuid4().hex}"
        numbers = [[rank, world, 0 if rank else survives, trips] for rank in range(world)]
        places = [str(place) for place in (meeting, points, folder)]
        commands = [[sys.executable, "-c", PROGRAM, *map(str, mine), *places] for mine in numbers]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
        return [process.communicate(timeout=120)[0].strip() for process in processes], [p.returncode for p in processes]

    return train


def test_all_have_the_weights_that_one_alone_would_have_and_the_first_has_the_score(together, tmp_path):
    (alone,), _ = together(1, tmp_path / "alone")
    said, ended = together(3, tmp_path / "three")

    assert ended == [0, 0, 0]
    assert said[0].split()[::2] == alone.split()[::2] and said[1] == said[2] == said[0].rpartition(" ")[0] + " None"
    weights = load_file(tmp_path / "alone" / "0.safetensors")
    first, *others = [load_file(tmp_path / "three" / f"{rank}.safetensors") for rank in range(3)]
    for name, tensor in weights.items():
        torch.testing.assert_close(first[name], tensor, rtol=1e-3, atol=1e-5)
        assert all(torch.equal(first[name], other[name]) for other in others)
    assert sorted(path.name for path in (tmp_path / "three" / "trial").iterdir()) == ["stage-0.pt"]


@pytest.mark.slow
def test_a_killed_trial_goes_on_with_as_many_to_the_same_weights_bit_for_bit(together, tmp_path):
    together(2, tmp_path / "whole")
    said, ended = together(2, tmp_path / "killed", survives=2)
    assert ended[0] == -signal.SIGKILL and said[1] == "LostContact"  # whoever is left knows at once

    together(2, tmp_path / "killed")

    for rank in range(2):
        whole, gone_on = (load_file(tmp_path / name / f"{rank}.safetensors") for name in ("whole", "killed"))
        assert all(torch.equal(whole[name], gone_on[name]) for name in whole)


@pytest.mark.slow
def test_the_clock_of_the_first_ends_it_for_all(together, tmp_path):
    said, ended = together(2, tmp_path / "late", trips=4)

    assert said == ["OutOfTime", "OutOfTime"] and ended == [0, 0]

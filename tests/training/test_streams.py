"""Several streams of batches go together: one says how long an epoch is, and parts have their fraction of each."""

import pytest
import torch

from autosft.contracts.steps import Step
from autosft.contracts.tensors import Batch
from autosft.training.loaders import Loader
from autosft.training.streams import CombinedLoader


@pytest.fixture
def combined(trial, runtime):
    long = Loader(trial.parts, runtime, trial.train, shuffle=True, batch_size=9)
    short = Loader(trial.parts, runtime, trial.unlabeled, ["light", "strong"], shuffle=True, batch_size=8)
    return CombinedLoader({"long": long, "short": short}, length="long")


def test_an_epoch_is_as_long_as_the_stream_that_says_so_and_others_begin_anew(combined, trial):
    steps = list(combined.epoch(1))
    assert len(combined) == len(steps) == 5
    assert sorted(row for step in steps for row in step["long"].rows) == sorted(trial.train.id)
    others = [row for step in steps for row in step["short"].rows]
    assert set(others[:20]) == set(trial.unlabeled.id) and others[:16] != others[20:]
    again = [row for step in combined.epoch(1) for row in step["short"].rows]
    assert others == again != [row for step in combined.epoch(2) for row in step["short"].rows]


@pytest.mark.parametrize("size", [0, 3, 6, 100])
def test_a_step_is_split_into_parts_with_a_fraction_of_each_stream(size):
    def batch(count):
        names = tuple(f"{count}-{n}" for n in range(count))
        return Batch(torch.arange(count), (torch.arange(count),), names, torch.ones(count))

    step = Step({"one": batch(4), "other": batch(8)})
    parts = list(step.split(size))
    assert len(step) == 12 and len(parts) == {0: 1, 3: 4, 6: 2, 100: 1}[size]
    assert {len(part) for part in parts} == {12 // len(parts)}
    for name in ("one", "other"):
        assert [row for part in parts for row in part[name].rows] == list(step[name].rows)
        assert torch.equal(torch.cat([part[name].inputs for part in parts]), step[name].inputs)


def test_a_stream_of_steps_is_refused(combined):
    with pytest.raises(TypeError, match="stream of steps"):
        list(CombinedLoader({"one": combined, "other": combined}, length="one").epoch(0))

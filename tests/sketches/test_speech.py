"""Proves targets that are sequences, `"tokens"` with a `"mask"`, and answers as items: transcription with CTC.

Connectionist temporal classification (Graves et al., 2006). Frames and targets both differ in length from row to row.
"""

import pytest
import torch
from speech import Ears, Frames, Transcription, distance, entries

from autosft.contracts.task import Task, TaskTarget
from autosft.host.registry import Registry
from autosft.testing.toy import ToyStrategy
from autosft.testing.trials import make_runtime, make_trial, quick_recipe
from autosft.training.loop import train


def test_sequences_are_learned_answered_and_bundled(tmp_path, bundled):
    task = Task(
        name="speech",
        modality="frames",
        targets=(TaskTarget(problem="transcription"),),
        data={"entries": list(entries(120))},
    )
    parts = Registry(
        modalities={"frames": Frames()},
        backbones={"ears": Ears()},
        problems={"transcription": Transcription()},
        strategies={"toy": ToyStrategy()},
    )
    trial = make_trial(tmp_path / "trial", task, parts, quick_recipe("toy", backbone="ears/small", epochs=12))
    assert len({len(target) for target in trial.train.target(0)}) > 2
    trained = train(trial, make_runtime(trial), ToyStrategy())
    assert trained.evaluation.score > -0.5
    predictor = bundled(parts, (trial, trained))
    assert tuple(predictor.predict([row.ref for row in trial.valid])) == trained.evaluation.outputs[0].items


def test_a_distance_counts_edits():
    assert [distance(*pair) for pair in (("abc", "abc"), ("abc", "b"), ("", "ab"), ("ba", "ab"))] == [0, 2, 2, 2]


@pytest.mark.parametrize("size", [0, 2])
def test_targets_of_different_lengths_split_and_move_with_their_batch(size):
    from autosft.contracts.tensors import Batch

    batch = Batch(torch.zeros(3, 1), ([torch.ones(n) for n in (1, 2, 3)],), ("a", "b", "c"), torch.ones(3))
    parts = list(batch.split(size))
    assert [len(target) for part in parts for target in part.targets[0]] == [1, 2, 3]
    assert all(target.device.type == "meta" for part in parts for target in part.to("meta").targets[0])

"""Proves ragged targets from rows through micro-batches to the answers: boxes found on `"maps"`.

Objects as the peaks of a map, with their sizes beside (CenterNet: Zhou et al., 2019), at toy size.
"""

from dataclasses import replace

import pytest
import torch
from boxes import Boxes, Eyes, Pictures

from autosft.contracts.recipe import Stop
from autosft.contracts.task import Task, TaskTarget
from autosft.host.registry import Registry
from autosft.testing.toy import ToyStrategy
from autosft.testing.trials import make_runtime, make_trial, quick_recipe
from autosft.training.loaders import Loader
from autosft.training.loop import train


@pytest.fixture
def parts():
    return Registry(
        modalities={"pictures": Pictures()},
        backbones={"eyes": Eyes()},
        problems={"boxes": Boxes()},
        strategies={"toy": ToyStrategy()},
    )


@pytest.fixture
def trial(tmp_path, parts):
    task = Task(name="b", modality="pictures", targets=(TaskTarget(problem="boxes"),), data={"rows": 96})
    return make_trial(
        tmp_path / "trial", task, parts, quick_recipe("toy", backbone="eyes/small", epochs=15).changed(seed=3)
    )


@pytest.fixture
def runtime(trial):
    return make_runtime(trial)


def test_a_view_that_mirrors_pictures_mirrors_their_boxes(trial, runtime):
    """What they surround is bright in every view, and of some rows it lies elsewhere than it did."""
    plain, seen = (
        [
            (row, picture, boxes.tolist())
            for batch in Loader(trial.parts, runtime, trial.train, [strength]).epoch(1)
            for row, picture, boxes in zip(batch.rows, batch.inputs, batch.targets[0], strict=True)
        ]
        for strength in ("none", "light")
    )
    for _, picture, boxes in seen:
        assert picture.sum() == sum(height * width for _, _, height, width in boxes)
        for top, left, height, width in (map(int, box) for box in boxes):
            assert picture[0, top : top + height, left : left + width].all()
    assert 0 < sum(one[2] != other[2] for one, other in zip(plain, seen, strict=True)) < len(seen)


def test_boxes_are_learned_answered_and_bundled(trial, runtime, parts, bundled):
    assert {len(boxes) for boxes in trial.train.target(0)} == {0, 1, 2, 3}
    trained = train(trial, runtime, ToyStrategy())
    assert trained.evaluation.score > 0.7
    predictor = bundled(parts, (trial, trained))
    assert predictor.predict([row.ref for row in trial.valid]) == Boxes().decide(
        trained.evaluation.outputs[0], trained.evaluation.states[0]
    )


def test_micro_batches_of_ragged_targets_train_the_same_model(trial, runtime, tmp_path):
    trial = trial.with_recipe(stop=Stop(max_epochs=2))
    whole = train(trial, runtime, ToyStrategy())
    parts = train(replace(trial, folder=tmp_path / "parts"), replace(runtime, micro_batch=3), ToyStrategy())
    for one, other in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)

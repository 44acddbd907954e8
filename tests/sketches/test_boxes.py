"""Proves ragged targets from rows through micro-batches to the answers: boxes found on `"maps"`.

Objects as the peaks of a map, with their sizes beside (CenterNet: Zhou et al., 2019), at toy size.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from boxes import KEPT, Boxes, Eyes, Pictures

from autosft.contracts.modality import Sample
from autosft.contracts.recipe import Stop
from autosft.contracts.rows import objects
from autosft.contracts.task import Task, TaskTarget
from autosft.contracts.trial import Loaders
from autosft.host.registry import Registry
from autosft.testing.conformance import ProblemConformance
from autosft.testing.toy import ToyStrategy
from autosft.testing.trials import make_runtime, make_trial, quick_recipe
from autosft.training import ahead
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


def viewed(trial, runtime, strength, seed=1):
    """For each row its picture, its boxes and what is known of it."""
    return [
        (picture, boxes.tolist(), meta)
        for batch in Loader(trial.parts, runtime, trial.train, [strength]).epoch(seed)
        for picture, boxes, meta in zip(batch.inputs, batch.targets[0], batch.meta, strict=True)
    ]


@pytest.mark.parametrize("mosaic", [0.0, 0.9])
def test_boxes_lie_around_what_is_seen_however_it_is_mirrored_cropped_and_put_together(mosaic, trial, runtime):
    """All that is bright is in them and all in them is bright, in every view; some show more than their row has."""
    trial = trial.with_recipe(own={"pictures": {"mosaic": mosaic}})
    views, more = [viewed(trial, runtime, *view) for view in (("none", 1), ("light", 1), ("light", 2))], 0
    for seen in views:
        for (picture, boxes, _), row in zip(seen, trial.train, strict=True):
            assert picture.sum() == sum(height * width for _, _, height, width in boxes)
            for top, left, height, width in (map(int, box) for box in boxes):
                assert picture[0, top : top + height, left : left + width].all()
            more += len(boxes) > len(row.targets[0])
    assert (more > 0) == (mosaic > 0)
    one, other = ([boxes for _, boxes, _ in seen] for seen in views[1:])
    assert one != other, "another epoch shows rows in other ways"


def test_what_is_seen_of_a_row_maps_back_to_its_file(trial, runtime):
    sizes = set()
    for (_, boxes, meta), row in zip(viewed(trial, runtime, "none"), trial.train, strict=True):
        back = np.array(boxes).reshape(-1, 4) + np.array([meta["top"], meta["left"], 0, 0])
        back *= np.array([meta["height"], meta["width"]] * 2) / KEPT
        np.testing.assert_allclose(back, np.array(row.targets[0]).reshape(-1, 4), atol=1e-5)
        sizes.add((meta["height"], meta["width"]))
    assert len(sizes) == 9


def test_a_row_is_seen_beside_others_that_have_all_targets(trial, runtime):
    """Where two problems ask for boxes, a row that lacks those of one is in no mosaic but its own."""
    recipe = trial.parts.recipe.changed(own={"pictures": {"mosaic": 0.9}})
    states = replace(trial.parts.states, problems=trial.parts.states.problems * 2)
    parts = replace(trial.parts, recipe=recipe, problems=(Boxes(), Boxes()), states=states)
    lacking = np.arange(len(trial.train)) % 2 == 0
    pairs = [
        (row.targets[0], None if lacks else row.targets[0]) for row, lacks in zip(trial.train, lacking, strict=True)
    ]
    rows, read = trial.train.with_columns(targets=objects(pairs)), Counter()
    counting = replace(runtime, read=lambda row: read.update([row.id]) or runtime.read(row))
    for batch in Loader(parts, counting, rows, ["light"]).epoch(1):
        assert batch.count(0) == len(batch) and batch.count(1) < len(batch)
        for boxes, both in zip([batch.targets[0][place] for place in batch.present[1]], batch.targets[1], strict=True):
            assert torch.equal(boxes, both)
    assert {read[row] for row in rows.id[lacking]} == {1} and max(read.values()) > 3

    read.clear()
    list(Loader(parts, counting, rows.take(lacking), ["light"]).epoch(1))
    assert {read[row] for row in rows.id[lacking]} == {1}, "there are no others to be seen beside"


@pytest.mark.parametrize("loaders", [Loaders(2), Loaders(2, "processes")], ids=["threads", "processes"])
def test_mosaics_are_the_same_whoever_loads_them(loaders, trial, runtime, monkeypatch):
    monkeypatch.setattr(ahead, "TRIFLE_SECONDS", -1.0)
    here = viewed(trial, runtime, "light")
    there = viewed(trial, replace(runtime, loaders=loaders), "light")
    for (picture, boxes, meta), (other, other_boxes, other_meta) in zip(here, there, strict=True):
        assert torch.equal(picture, other) and boxes == other_boxes and meta == other_meta


def test_parts_of_a_batch_know_how_their_rows_were_seen(trial, runtime):
    (batch,) = Loader(trial.parts, runtime, trial.train[:7], batch_size=7).epoch()
    assert [meta["height"] for meta in batch.meta] == [len(row.ref) for row in trial.train[:7]]
    assert tuple(meta for part in batch.split(3) for meta in part.meta) == batch.meta
    assert batch.take([4, 2]).without_targets().meta == (batch.meta[4], batch.meta[2])
    assert batch.to("cpu").meta == batch.meta


def test_boxes_are_learned_answered_and_bundled(trial, runtime, parts, bundled, monkeypatch):
    """In pixels of the files, by one model and by several."""
    assert {len(boxes) for boxes in trial.train.target(0)} == {0, 1, 2, 3}
    trained = train(trial, runtime, ToyStrategy())
    assert trained.evaluation.score > 0.7
    predictor = bundled(parts, (trial, trained))
    answers = Boxes().decide(trained.evaluation.outputs[0], trained.evaluation.states[0])
    assert predictor.predict([row.ref for row in trial.valid]) == answers
    monkeypatch.setattr(Boxes, "combine", lambda _, many, weights: many[1])
    assert bundled(parts, *[(trial, trained)] * 2, weights=(0.5, 0.5)).predict(list(trial.valid.ref)) == answers


def test_micro_batches_of_ragged_targets_train_the_same_model(trial, runtime, tmp_path):
    trial = trial.with_recipe(stop=Stop(max_epochs=2))
    whole = train(trial, runtime, ToyStrategy())
    parts = train(replace(trial, folder=tmp_path / "parts"), replace(runtime, micro_batch=3), ToyStrategy())
    for one, other in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


class Ours(Boxes):
    """Sketches import torch at once, for brevity."""


class TestBoxes(ProblemConformance):
    @pytest.fixture
    def problem(self):
        return Ours()

    @pytest.fixture
    def targets(self):
        return [((0, 0, 4, 6),), ((2, 3, 2, 3), (4, 6, 4, 6)), (), ((6, 9, 2, 3),), ((4, 3, 2, 6),), ((0, 6, 4, 3),)]

    @pytest.fixture
    def sample(self):
        """Of a picture of twice the height and three times the width, all of which is seen."""
        size = {"height": 2 * KEPT, "width": 3 * KEPT}
        return Sample(np.zeros((KEPT, KEPT), dtype=np.float32), {**size, "top": 0, "left": 0})

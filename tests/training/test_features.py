"""Encoded rows: once each, and never those of another encoder."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from autosft.contracts.recipe import Optim
from autosft.contracts.rows import Rows
from autosft.contracts.state import State
from autosft.contracts.strategy import States
from autosft.data.store import FeatureStore
from autosft.errors import OutOfTime
from autosft.testing.job import quick_recipe
from autosft.training.evaluation import evaluate
from autosft.training.features import encode, encode_pace, encoded_batches
from autosft.training.model import build_model


@pytest.fixture
def counted(job):
    """A job and the ids of the rows that it has read, in order."""
    seen = []

    def read(row):
        seen.append(row.id)
        return job.modality.read(row)

    return replace(job, read=read), seen


def test_rows_are_encoded_once(counted):
    job, seen = counted
    encoder = build_model(job).encoder
    first = encode(job, encoder, job.train)
    assert seen == job.train.id.tolist() and first.shape == (len(job.train), 8)
    assert torch.equal(encode(job, encoder, job.train), first)
    both = encode(job, encoder, job.train[:3] + job.valid)
    assert seen == [*job.train.id, *job.valid.id]
    assert torch.equal(both[:3], first[:3])


def test_rows_are_shared_with_later_trials_of_the_same_encoder(counted, tmp_path):
    job, seen = counted
    encode(job, build_model(job).encoder, job.train)
    later = replace(job, folder=tmp_path / "later", recipe=quick_recipe("probe").changed(seed=9))
    encode(later, build_model(later).encoder, job.train)
    assert len(seen) == len(job.train)


@pytest.mark.parametrize(
    "change",
    [
        lambda job: {"recipe": job.recipe.changed(start="shared/other.pt")},
        lambda job: {"recipe": job.recipe.changed(own={"points": {"noise": 0.2}})},
        lambda job: {"recipe": job.recipe.changed(own={"toy": {"activation": "relu"}})},
        lambda job: {"info": job.family.match("wide")[0]},
        lambda job: {"states": replace(job.states, backbone=job.states.backbone.with_values(more=1))},
        lambda job: {
            "states": States(
                State(arrays={**job.states.modality.arrays, "mean": job.states.modality.arrays["mean"] + 1}),
                job.states.backbone,
                job.states.problems,
            )
        },
    ],
    ids=["start", "modality's own", "family's own", "backbone", "backbone's state", "modality's state"],
)
def test_what_decides_an_encoding_makes_a_new_one(counted, change):
    job, seen = counted
    encoder = build_model(job).encoder
    encode(job, encoder, job.train)
    encode(replace(job, **change(job)), encoder, job.train)
    assert len(seen) == 2 * len(job.train)


def test_encoded_rows_give_the_same_answers_as_rows_themselves(job):
    model = build_model(job)
    torch.nn.init.normal_(model.heads[0].linear.weight)
    anew, kept = (evaluate(job, model, job.valid, cached=cached) for cached in (False, True))
    assert kept.score == anew.score and kept.loss == pytest.approx(anew.loss)
    assert kept.outputs[0].rows == anew.outputs[0].rows == tuple(job.valid.id)


def test_cached_batches_carry_targets_ids_and_weights(job):
    encoder = build_model(job).encoder
    kept, anew = (
        [batch for batch, _ in encoded_batches(job, encoder, job.train, cached=cached)] for cached in (True, False)
    )
    for one, other in zip(kept, anew, strict=True):
        assert one.rows == other.rows and torch.equal(one.weights, other.weights)
        assert torch.equal(one.targets[0], other.targets[0])
    unlabeled = [batch for batch, _ in encoded_batches(job, encoder, job.unlabeled, cached=True)]
    assert all(batch.targets == () for batch in unlabeled)


def test_time_that_is_up_while_encoding_ends_the_trial(job):
    late = replace(job, seconds_left=lambda: -1.0)
    with pytest.raises(OutOfTime, match="encoded"):
        encode(late, build_model(late).encoder, job.train)


@pytest.fixture
def stored(counted, tmp_path):
    """A job with a store, and the ids of the rows that it has read."""
    job, seen = counted
    return replace(job, store=FeatureStore(tmp_path / "store", 1e9)), seen


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_rows_that_were_encoded_before_the_time_was_up_are_encoded_by_nobody_again(stored, monkeypatch, every):
    job, seen = stored
    monkeypatch.setattr("autosft.training.features.SAVE_SECONDS", every)
    left = iter([1.0, 1.0, -1.0])
    short = replace(job, seconds_left=lambda: next(left), recipe=job.recipe.changed(optim=Optim(batch_size=8)))
    with pytest.raises(OutOfTime):
        encode(short, build_model(short).encoder, job.train)
    seen.clear()

    encode(replace(job, features={}), build_model(job).encoder, job.train)

    assert len(seen) == len(job.train) - 16


def test_a_later_search_encodes_nothing_again(stored):
    job, seen = stored
    first = encode(job, build_model(job).encoder, job.train)
    seen.clear()

    later = replace(job, features={})
    assert torch.equal(encode(later, build_model(job).encoder, job.train), first)
    assert not seen and encode_pace(later) == pytest.approx(encode_pace(job))
    encode(later, build_model(job).encoder, job.valid)
    assert seen == job.valid.id.tolist()


def test_rows_whose_content_changed_are_encoded_again(stored):
    job, seen = stored
    encode(job, build_model(job).encoder, job.train)
    seen.clear()
    moved = Rows.of(
        [replace(row, ref=[value + 1 for value in row.ref]) if n == 3 else row for n, row in enumerate(job.train)]
    )

    encode(replace(job, features={}), build_model(job).encoder, moved)

    assert seen == [moved[3].id]


def test_an_encoder_that_does_not_allow_it_is_never_stored(stored, monkeypatch, tmp_path):
    job, _ = stored
    monkeypatch.setattr(type(job.family), "version", lambda self: "")

    encode(job, build_model(job).encoder, job.train)

    assert not list((tmp_path / "store").rglob("*.safetensors"))


def test_a_new_version_of_the_family_encodes_again(stored, monkeypatch):
    job, seen = stored
    encode(job, build_model(job).encoder, job.train)
    seen.clear()
    monkeypatch.setattr(type(job.family), "version", lambda self: "2")

    encode(replace(job, features={}), build_model(job).encoder, job.train)

    assert seen == job.train.id.tolist()


CONTENT = """
import sys
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from autosft.builtin.classification import Classification
from autosft.testing import toy
from autosft.testing.job import make_job, points_task, quick_recipe
from autosft.training.features import _content, encode_pace
folder = Path(sys.argv[1])
task = points_task(toy.make_points(folder / "a.points.json"))
job = make_job(folder, task, toy.registry(Classification()), quick_recipe("toy"))
info = job.info.model_copy(update={"gives": frozenset({"pooled", "tokens", "maps"}), "arguments": {"b": 1, "a": 2}})
print(_content(replace(job, info=info)))
"""


def test_the_content_of_features_is_named_alike_by_every_process(tmp_path):
    named = set()
    for seed in range(4):
        command = [sys.executable, "-c", CONTENT, str(tmp_path)]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        named.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)

    assert len(named) == 1 and named.pop()

"""Encoded rows: once each, and never those of another encoder."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.builtin.classification import Classification
from autosft.contracts.modality import Sample
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Rows
from autosft.contracts.state import State
from autosft.contracts.trial import EvalBatch, States
from autosft.data.duplicates import with_digests
from autosft.data.store import FeatureStore
from autosft.errors import OutOfTime
from autosft.testing.trials import quick_recipe, with_values
from autosft.training.evaluation import answer, evaluate
from autosft.training.features import encode, encode_seconds_per_row, encoded_batches
from autosft.training.model import build_model


@pytest.fixture
def counted(trial, runtime):
    """A runtime and the ids of the rows that it has read, in order."""
    seen = []

    def read(row):
        seen.append(row.id)
        return trial.parts.modality.read(row)

    return replace(runtime, read=read), seen


def test_rows_are_encoded_once(trial, counted):
    runtime, seen = counted
    encoder = build_model(trial.parts, runtime).encoder
    first = encode(trial.parts, runtime, encoder, trial.train)
    assert seen == trial.train.id.tolist() and first.shape == (len(trial.train), 8)
    assert torch.equal(encode(trial.parts, runtime, encoder, trial.train), first)
    both = encode(trial.parts, runtime, encoder, trial.train[:3] + trial.valid)
    assert seen == [*trial.train.id, *trial.valid.id]
    assert torch.equal(both[:3], first[:3])


def test_rows_are_shared_with_later_trials_of_the_same_encoder(trial, counted):
    runtime, seen = counted
    encode(trial.parts, runtime, build_model(trial.parts, runtime).encoder, trial.train)
    later = replace(trial.parts, recipe=quick_recipe("probe").changed(seed=9))
    encode(later, runtime, build_model(later, runtime).encoder, trial.train)
    assert len(seen) == len(trial.train)


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: {"recipe": parts.recipe.changed(start=quick_recipe("denoise"))},
        lambda parts: {"recipe": parts.recipe.changed(own={"points": {"noise": 0.2}})},
        lambda parts: {"recipe": parts.recipe.changed(own={"tiny": {"activation": "relu"}})},
        lambda parts: {"info": parts.family.match("wide")[0]},
        lambda parts: {"states": replace(parts.states, backbone=with_values(parts.states.backbone, more=1))},
        lambda parts: {
            "states": States(
                State(
                    arrays={
                        **parts.states.modality.arrays,
                        "mean": parts.states.modality.arrays["mean"] + 1,
                    }
                ),
                parts.states.backbone,
                parts.states.problems,
            )
        },
    ],
    ids=["start", "modality's own", "family's own", "backbone", "backbone's state", "modality's state"],
)
def test_what_decides_an_encoding_makes_a_new_one(trial, counted, change):
    runtime, seen = counted
    encoder = build_model(trial.parts, runtime).encoder
    encode(trial.parts, runtime, encoder, trial.train)
    encode(replace(trial.parts, **change(trial.parts)), runtime, encoder, trial.train)
    assert len(seen) == 2 * len(trial.train)


def test_encoded_rows_give_the_same_answers_as_rows_themselves(trial, runtime):
    model = build_model(trial.parts, runtime)
    torch.nn.init.normal_(model.heads[0].linear.weight)
    anew, kept = (evaluate(trial.parts, runtime, model, trial.valid, cached=cached) for cached in (False, True))
    assert kept.score == anew.score and kept.loss == pytest.approx(anew.loss)
    one, other = (done.outputs[0].arrays["probabilities"] for done in (kept, anew))
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_a_problem_that_maps_its_answers_back_is_answered_from_rows_as_they_are_seen(trial, runtime):
    """By what is known of each row, which the cache does not keep."""

    class Mapped(Classification):
        def wrap(self, target, sample, meta):
            return target

        def outputs(self, out, batch, state, recipe, model):
            return Outputs({"width": np.array([meta["width"] for meta in batch.meta])})

    width = {row.id: float(place) for place, row in enumerate(trial.valid)}
    read = runtime.read
    runtime = replace(runtime, read=lambda row: Sample(read(row), {"width": width[row.id]}))
    parts = replace(trial.parts, problems=(Mapped(),))
    (answers,) = answer(parts, runtime, build_model(parts, runtime), trial.valid, cached=True)
    assert answers.arrays["width"].tolist() == list(width.values())


def test_batches_to_answer_carry_ids_and_weights_but_no_targets(trial, runtime):
    encoder = build_model(trial.parts, runtime).encoder
    kept, anew = (
        list(encoded_batches(trial.parts, runtime, encoder, trial.train, cached=cached)) for cached in (True, False)
    )
    for one, other in zip(kept, anew, strict=True):
        assert one.rows == other.rows and torch.equal(one.weights, other.weights)
        assert one.targets == other.targets == ()
        torch.testing.assert_close(one.encoded["pooled"], other.encoded["pooled"])


def test_time_that_is_up_while_encoding_ends_the_trial(trial, runtime):
    late = replace(runtime, seconds_left=lambda: -1.0)
    with pytest.raises(OutOfTime, match="encoded"):
        encode(trial.parts, late, build_model(trial.parts, late).encoder, trial.train)


@pytest.fixture
def stored(counted, tmp_path):
    """A runtime with a store, and the ids of the rows that it has read."""
    runtime, seen = counted
    return replace(runtime, store=FeatureStore(tmp_path / "store", 1e9)), seen


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_rows_that_were_encoded_before_the_time_was_up_are_encoded_by_nobody_again(trial, stored, monkeypatch, every):
    runtime, seen = stored
    monkeypatch.setattr("autosft.training.features.SAVE_SECONDS", every)
    left = iter([1.0, 1.0, -1.0])
    short = replace(runtime, seconds_left=lambda: next(left), eval_batch=EvalBatch(8))
    with pytest.raises(OutOfTime):
        encode(trial.parts, short, build_model(trial.parts, short).encoder, trial.train)
    seen.clear()

    encode(trial.parts, replace(runtime, features={}), build_model(trial.parts, runtime).encoder, trial.train)

    assert len(seen) == len(trial.train) - 16


def test_a_later_search_encodes_nothing_again(trial, stored):
    runtime, seen = stored
    first = encode(trial.parts, runtime, build_model(trial.parts, runtime).encoder, trial.train)
    seen.clear()

    later = replace(runtime, features={})
    assert torch.equal(encode(trial.parts, later, build_model(trial.parts, later).encoder, trial.train), first)
    assert not seen and encode_seconds_per_row(trial.parts, later) == pytest.approx(
        encode_seconds_per_row(trial.parts, runtime)
    )
    encode(trial.parts, later, build_model(trial.parts, later).encoder, trial.valid)
    assert seen == trial.valid.id.tolist()


def test_rows_of_unknown_content_are_never_stored(trial, stored, tmp_path):
    runtime, _ = stored

    encode(trial.parts, runtime, build_model(trial.parts, runtime).encoder, Rows.of(trial.train))

    assert not list((tmp_path / "store").rglob("*.safetensors"))


def test_rows_whose_content_changed_are_encoded_again(trial, stored):
    runtime, seen = stored
    encode(trial.parts, runtime, build_model(trial.parts, runtime).encoder, trial.train)
    seen.clear()
    some = [replace(row, ref=[value + 1 for value in row.ref]) if n == 3 else row for n, row in enumerate(trial.train)]
    moved = with_digests(Rows.of(some), trial.parts.modality.digest)

    encode(trial.parts, replace(runtime, features={}), build_model(trial.parts, runtime).encoder, moved)

    assert seen == [moved[3].id]


def test_an_encoder_that_does_not_allow_it_is_never_stored(trial, stored, monkeypatch, tmp_path):
    runtime, _ = stored
    monkeypatch.setattr(type(trial.parts.family), "version", lambda self: "")

    encode(trial.parts, runtime, build_model(trial.parts, runtime).encoder, trial.train)

    assert not list((tmp_path / "store").rglob("*.safetensors"))


def test_a_new_version_of_the_family_encodes_again(trial, stored, monkeypatch):
    runtime, seen = stored
    encode(trial.parts, runtime, build_model(trial.parts, runtime).encoder, trial.train)
    seen.clear()
    monkeypatch.setattr(type(trial.parts.family), "version", lambda self: "2")

    encode(trial.parts, replace(runtime, features={}), build_model(trial.parts, runtime).encoder, trial.train)

    assert seen == trial.train.id.tolist()


CONTENT = """
import sys
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from autosft.builtin.classification import Classification
from autosft.testing import toy
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.features import _content, encode_seconds_per_row
folder = Path(sys.argv[1])
task = points_task(toy.make_points(folder / "a.points.json"))
trial = make_trial(folder, task, toy.registry(Classification()), quick_recipe("toy"))
gives, arguments = frozenset({"pooled", "tokens", "maps"}), {"b": 1, "a": 2}
info = trial.parts.info.model_copy(update={"gives": gives, "arguments": arguments})
print(_content(replace(trial.parts, info=info), make_runtime(trial)))
"""


def test_the_content_of_features_is_named_alike_by_every_process(tmp_path):
    named = set()
    for seed in range(4):
        command = [sys.executable, "-c", CONTENT, str(tmp_path)]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        named.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)

    assert len(named) == 1 and named.pop()

"""What a loaded bundle answers: the same as the model that was trained, or a clear word on why it cannot."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from autosft.deploy.bundle import Bundle, MemberDocument, save_bundle
from autosft.deploy.predictor import Predictor
from autosft.errors import BadBundle, BadInput, PartMissing
from autosft.host.registry import Plugin
from autosft.testing.trials import make_runtime, with_values
from autosft.training.evaluation import evaluate


@pytest.fixture(scope="module")
def predictor(made, registry):
    return Predictor.load(made.folder, registry=registry)


def test_answers_are_those_of_the_trained_model(made, predictor):
    points = list(made.trial.valid.ref)

    probabilities = predictor.predict_proba(points)

    np.testing.assert_array_equal(probabilities, made.evaluation.outputs[0].arrays["probabilities"])
    classes = made.trial.parts.states.problems[0].values["classes"]
    assert predictor.predict(points) == [classes[number] for number in probabilities.argmax(1)]
    assert predictor.classes_ == classes == ["a", "b", "c"]


def test_the_score_is_that_of_the_trained_model(made, predictor):
    rows = made.trial.valid

    assert (
        predictor.score(predictor.outputs(rows), rows)
        == evaluate(made.trial.parts, make_runtime(made.trial), made.model, rows).score
    )


def test_one_input_and_many_are_answered(made, predictor):
    point = np.array(made.trial.valid.ref[0])

    assert predictor.predict(point) == predictor.predict([point])
    assert predictor.predict(np.array([point, point])) == predictor.predict([point, point])


def test_a_file_is_answered_whether_it_is_a_path_or_a_text(made, predictor):
    path = made.folder.parent / "clouds.points.json"

    assert len(predictor.predict(path)) == len(predictor.predict(str(path))) == 120


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """An archive of texts, one of which is empty."""
    monkeypatch.setenv("AUTOSFT_CACHE", str(tmp_path / "cache"))
    with zipfile.ZipFile(tmp_path / "said.zip", "w") as archive:
        archive.writestr("said/deep/a.txt", "It was a lovely bright film.")
        archive.writestr("said/b.txt", "It was a dull broken story.")
        archive.writestr("said/c.txt", "")
    return tmp_path / "said.zip"


def test_an_archive_stands_for_the_folder_that_was_packed_and_its_rows_have_its_name(texts, packed):
    (packed.parent / "plain.txt").write_text("A lovely song.")

    scan = Predictor.load(texts).collect([str(packed.with_name("plain.txt")), str(packed)])

    names = ["plain.txt", "said.zip/b.txt", "said.zip/deep/a.txt"]
    assert list(scan.rows.id) == [str(packed.parent / name) for name in names]
    assert list(scan.rows.ref) == ["A lovely song.", "It was a dull broken story.", "It was a lovely bright film."]
    assert [skip.ref for skip in scan.skipped] == [f"{packed}/c.txt"]


def test_a_damaged_archive_is_named_and_a_text_that_ends_like_one_is_a_text(texts, packed):
    packed.write_bytes(packed.read_bytes()[:100])
    predictor = Predictor.load(texts)

    with pytest.raises(BadInput, match=r"said\.zip: "):
        predictor.predict(packed)
    assert len(predictor.predict("A lovely song, in songs.zip")) == 1


def test_what_cannot_be_read_is_named(predictor):
    with pytest.raises(BadInput, match="1 inputs cannot be read: row-1: "):
        predictor.predict([[0.1, 0.2, 0.3, 0.4], [0.1, float("nan"), 0.3, 0.4]])


def test_no_input_is_refused(predictor):
    with pytest.raises(BadInput, match="nothing to answer"):
        predictor.predict([])


@pytest.mark.parametrize("room", [0, 10**9])
def test_each_row_is_decoded_once_for_all_members(made, registry, tmp_path, monkeypatch, room):
    save_bundle(tmp_path / "bundle", made.task, [(made.member, 0.5), (made.member, 0.5)], {}, {})
    monkeypatch.setattr("autosft.deploy.predictor.BYTES_AT_ONCE", room)
    modality, seen = registry.modality("points"), []
    read = modality.read
    monkeypatch.setattr(type(modality), "read", lambda self, row: seen.append(row.id) or read(row))
    predictor, rows = Predictor.load(tmp_path / "bundle", registry=registry), made.trial.valid
    alone = Predictor.load(made.folder, registry=registry).outputs(rows)[0]
    seen.clear()

    both = predictor.outputs(rows + rows[:3])[0]

    assert sorted(seen) == sorted([*rows.id, *rows.id[:3]])
    wanted = alone.take(np.array([*range(len(rows)), 0, 1, 2])).arrays["probabilities"]
    np.testing.assert_allclose(both.arrays["probabilities"], wanted, atol=1e-6)


def test_members_answer_by_their_weights(made, registry, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("member.json", "states.safetensors", "model.safetensors"):
        (other / name).write_bytes((made.member / name).read_bytes())
    save_bundle(tmp_path / "bundle", made.task, [(made.member, 0.75), (other, 0.25)], {}, {})

    together = Predictor.load(tmp_path / "bundle", registry=registry).predict_proba(list(made.trial.valid.ref))

    np.testing.assert_allclose(together, made.evaluation.outputs[0].arrays["probabilities"], atol=1e-6)


def test_weights_of_another_architecture_are_refused(made, registry, tmp_path):
    """The checksums are right, but the member describes another encoder than the one that was trained."""
    member = tmp_path / "member"
    member.mkdir()
    for name in ("states.safetensors", "model.safetensors"):
        (member / name).write_bytes((made.member / name).read_bytes())
    plain = json.loads((made.member / "member.json").read_text())
    changed = {**plain, "info": {**plain["info"], "arguments": {"width": 5}}}
    MemberDocument.parse(changed, "member").sealed().write(member / "member.json")
    save_bundle(tmp_path / "bundle", made.task, [(member, 1.0)], {}, {})

    with pytest.raises(BadBundle, match="the weights cannot be put into tiny/wide"):
        Predictor.load(tmp_path / "bundle", registry=registry)


@pytest.mark.parametrize(("parts", "missing"), [("modalities", "points"), ("backbones", "toy"), ("strategies", "toy")])
def test_a_missing_part_is_named(made, registry, parts, missing):
    with pytest.raises(PartMissing, match=f"No plugin offers the .*{missing}"):
        Predictor.load(made.folder, registry=dataclasses.replace(registry, **{parts: {}}))


def test_a_plugin_that_did_not_load_is_named(made, registry):
    broken = Plugin("autosft-toy", "1.0", "toy", "toy", status="failed", error="Importing toy raised ImportError.")

    with pytest.raises(PartMissing, match=r"autosft-toy 1\.0 .*did not load"):
        Predictor.load(made.folder, registry=dataclasses.replace(registry, modalities={}, plugins=(broken,)))


def test_the_distribution_of_a_missing_part_is_named(made, registry):
    with pytest.raises(PartMissing, match="autosft-toy"):
        Predictor.load(made.folder, registry=dataclasses.replace(registry, modalities={}))


def test_an_ensemble_decides_by_its_own_states(made, registry, tmp_path):
    """The states are those of the bundle, not those of its first member."""
    (state,) = made.trial.parts.states.problems
    renamed = with_values(state, classes=[f"averaged {name}" for name in state.values["classes"]])
    halves = [(made.member, 0.5), (made.member, 0.5)]
    save_bundle(tmp_path / "bundle", made.task, halves, {}, {}, [renamed])

    predictor = Predictor.load(tmp_path / "bundle", registry=registry)

    assert predictor.classes_ == renamed.values["classes"] and predictor.weights == (0.5, 0.5)
    assert set(predictor.predict(list(made.trial.valid.ref))) <= set(predictor.classes_)


@pytest.mark.parametrize("plain", [{"values": {}}, {"arrays": []}, {"values": {}, "arrays": ["gone"]}], ids=str)
def test_damaged_states_of_an_ensemble_are_refused(made, registry, tmp_path, plain):
    halves = [(made.member, 0.5), (made.member, 0.5)]
    save_bundle(tmp_path / "bundle", made.task, halves, {}, {}, made.trial.parts.states.problems)
    manifest = Bundle.read(tmp_path / "bundle" / "bundle.json")
    manifest.model_copy(update={"problem_states": (plain,)}).sealed().write(tmp_path / "bundle" / "bundle.json")

    with pytest.raises(BadBundle, match="what decides over the answers"):
        Predictor.load(tmp_path / "bundle", registry=registry)


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_named_and_the_bundle_not_blamed(made, registry, device):
    with pytest.raises(BadInput, match=f"device '{device}' cannot be used here"):
        Predictor.load(made.folder, device=device, registry=registry)


@pytest.mark.parametrize("mistyped", ["nwe/", "songs.zip", "lyrics/songs.tar.gz", "songs.csv"])
def test_a_mistyped_path_is_no_text(texts, mistyped):
    predictor = Predictor.load(texts)

    with pytest.raises(BadInput, match="there is no such file"):
        predictor.predict(mistyped)
    assert len(predictor.predict(["https://example.org/songs/", "see songs/"])) == 2


def test_answers_are_the_same_however_many_rows_are_answered_at_once(made, predictor, monkeypatch):
    whole = predictor.predict_proba(list(made.trial.valid.ref))
    monkeypatch.setattr("autosft.deploy.predictor.ROWS_AT_ONCE", 4)

    np.testing.assert_allclose(predictor.predict_proba(list(made.trial.valid.ref)), whole, atol=1e-6)


FORKED = """
import os, sys, torch
from autosft.builtin.classification import Classification
from autosft.deploy.predictor import Predictor
from autosft.testing.toy import registry

def much():
    return torch.ones(1000, 1000).mm(torch.ones(1000, 1000)).sum().item()

torch.set_num_threads(2)
predictor = Predictor.load(sys.argv[1], device="cpu", registry=registry(Classification()))
answers, result = predictor.predict(sys.argv[2]), much()
child = os.fork()
if not child:
    os._exit(0 if predictor.predict(sys.argv[2]) == answers and much() == result else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_answers_the_same_and_encoders_that_torch_spreads_over_threads_do_not_hang_in_it(made):
    arguments = [str(made.folder), str(made.folder.parent / "clouds.points.json")]
    program = [sys.executable, "-W", "ignore:.*fork:DeprecationWarning", "-c", FORKED]

    assert subprocess.run([*program, *arguments], check=False, timeout=120).returncode == 0

"""What an exported file answers, run as a stranger would run it: the same as the model, at any batch size."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from autosft.contracts.graph import Graph
from autosft.contracts.state import State
from autosft.deploy.bundle import save_bundle
from autosft.deploy.export.formats import Onnx, Torch
from autosft.deploy.export.writing import _told_by, export_model
from autosft.deploy.member import save_member
from autosft.deploy.predictor import Predictor
from autosft.errors import BadInput, PartMissing


@pytest.fixture(scope="module", autouse=True)
def libraries():
    pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def predictor(made, registry):
    return Predictor.load(made.folder, registry=registry)


def standardized(made, rows):
    state = made.trial.parts.states.modality
    return np.stack(
        [(made.trial.parts.modality.read(row) - state.arrays["mean"]) / state.arrays["scale"] for row in rows]
    )


def test_an_onnx_file_answers_as_the_model_at_any_batch_size(made, predictor, tmp_path):
    import onnxruntime

    done = export_model(predictor, tmp_path / "model.onnx", Onnx(), made.trial.valid)

    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    for count in (1, 2, 7):
        rows = made.trial.valid[:count]
        (answers,) = session.run(["probabilities"], {"inputs": standardized(made, rows)})
        np.testing.assert_allclose(answers, predictor.predict_proba(list(rows.ref)), atol=1e-5)
    assert done.difference < 1e-5 and done.rows == len(made.trial.valid)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "model.onnx.json"]


def test_a_torch_export_answers_as_the_model(made, predictor, tmp_path):
    done = export_model(predictor, tmp_path / "model.pt2", Torch(), made.trial.valid)

    inputs = torch.from_numpy(standardized(made, made.trial.valid))
    (answers,) = torch.export.load(tmp_path / "model.pt2").module()(inputs)
    wanted = predictor.predict_proba(list(made.trial.valid.ref))
    np.testing.assert_allclose(answers.detach().numpy(), wanted, atol=1e-5)
    assert done.files[-1] == tmp_path / "model.pt2"


def test_what_a_stranger_must_know_lies_beside_it(made, predictor, tmp_path):
    done = export_model(predictor, tmp_path / "model.pt2", Torch(), made.trial.valid)

    said = json.loads((tmp_path / "model.pt2.json").read_text())
    assert said["outputs"] == [
        {
            "name": "probabilities",
            "target": "label",
            "problem": "classification",
            "columns": ["a", "b", "c"],
            "state": {"scale": [1.0] * 3},
        }
    ]
    assert said["inputs"][0]["names"] == ["inputs"]
    assert said["inputs"][0]["varying_axes"] == {"inputs": {"0": "batch"}}
    assert said["checked"] == {"rows": len(made.trial.valid), "largest_absolute_difference": done.difference}


def test_an_ensemble_is_one_graph_with_an_input_for_each_way_to_see_a_row(made, registry, tmp_path):
    doubled = State(arrays={name: 2 * array for name, array in made.trial.parts.states.modality.arrays.items()})
    other = dataclasses.replace(made.trial.parts, states=dataclasses.replace(made.trial.parts.states, modality=doubled))
    save_member(tmp_path / "other", other, made.model, other.states)
    members = [(made.member, 0.5), (tmp_path / "other", 0.25), (made.member, 0.25)]
    save_bundle(tmp_path / "ensemble", made.task, members, {}, {}, made.trial.parts.states.problems)
    predictor = Predictor.load(tmp_path / "ensemble", registry=registry)

    done = export_model(predictor, tmp_path / "model.onnx", Onnx(), made.trial.valid)

    said = json.loads((tmp_path / "model.onnx.json").read_text())
    assert [one["names"] for one in said["inputs"]] == [["inputs"], ["inputs_2"]]
    assert [member["weight"] for member in said["members"]] == [0.5, 0.25, 0.25] and done.difference < 1e-5


def test_a_file_that_answers_otherwise_is_not_left(made, predictor, tmp_path, monkeypatch):
    truth = Torch.run
    monkeypatch.setattr(Torch, "run", lambda *given: [[0.9 * one for one in part] for part in truth(*given)])

    with pytest.raises(BadInput, match=r"not written, because its answers differ from the model's by 0\.0"):
        export_model(predictor, tmp_path / "model.pt2", Torch(), made.trial.valid)

    assert not list(tmp_path.iterdir())


def test_what_cannot_be_traced_is_one_line_and_leaves_nothing(made, predictor, tmp_path, monkeypatch):
    def forward(self, inputs):
        return {"pooled": self.second(self.first(inputs)) if float(inputs.sum()) > 0 else self.first(inputs)}

    monkeypatch.setattr(type(predictor.members[0][1].encoder), "forward", forward)

    with pytest.raises(BadInput, match=r"toy on tiny/wide\) cannot be exported to torch\.export") as caught:
        export_model(predictor, tmp_path / "model.pt2", Torch(), made.trial.valid)

    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_what_onnx_cannot_say_is_one_plain_line(made, predictor, tmp_path, monkeypatch):
    def forward(self, inputs):
        distances = torch.ops.aten._pdist_forward(self.first(inputs), 2.0)  # for which ONNX has no operator
        return {"pooled": self.second(self.first(inputs)) + distances.sum()}

    monkeypatch.setattr(type(predictor.members[0][1].encoder), "forward", forward)

    with pytest.raises(BadInput, match=r"toy on tiny/wide\) cannot be exported to ONNX: ") as caught:
        export_model(predictor, tmp_path / "model.onnx", Onnx(), made.trial.valid)

    said = str(caught.value)
    assert said.isprintable() and "step" not in said.lower() and "_pdist_forward" in said
    assert not list(tmp_path.iterdir())


def test_what_an_exporter_says_for_a_terminal_is_told_without_colors_and_boxes():
    deep = ValueError("\n\x1b[1;31m╭── Error ──╮\x1b[0m\n│ no \x1b[96mpdist\x1b[m │\n╰───╯")
    try:
        try:
            raise deep
        except ValueError as error:
            raise RuntimeError("advice of many lines") from error
    except RuntimeError as error:
        assert _told_by(error) == "ValueError: Error"
    assert _told_by(ValueError("no \x1b[96mpdist\x1b[m here.\nmore")) == "ValueError: no pdist here"


def test_rows_that_differ_in_length_are_refused(made, predictor, tmp_path, monkeypatch):
    encoder = predictor.members[0][1].encoder
    graph = Graph(encoder, lambda inputs: {"inputs": inputs[:, : 3 + int(inputs[0, 0] > 0)]})
    monkeypatch.setattr(type(encoder), "graph", lambda self: graph)
    rows = made.trial.valid
    low, high = (
        next(n for n, x in enumerate(standardized(made, rows)[:, 0]) if bool(x > 0) is flag) for flag in (False, True)
    )

    with pytest.raises(BadInput, match="rows differ in length"):
        export_model(predictor, tmp_path / "model.pt2", Torch(), rows.take([low, high, low]))


def test_what_is_no_tensor_is_refused(texts, tmp_path):
    predictor = Predictor.load(texts)

    with pytest.raises(
        BadInput, match=r"probe on tfidf/.* cannot be exported: its encoder takes other things than tensors"
    ):
        export_model(predictor, tmp_path / "model.pt2", Torch(), predictor.rows([("a text",)]))


def test_without_rows_nothing_is_written(made, predictor, tmp_path):
    with pytest.raises(BadInput, match="--check"):
        export_model(predictor, tmp_path / "model.pt2", Torch(), made.trial.valid[:0])


def test_a_missing_library_is_named_with_what_to_install(made, predictor, tmp_path, monkeypatch):
    monkeypatch.setattr(Onnx, "modules", ("onnx", "no_such_library"))

    with pytest.raises(PartMissing, match=r"no_such_library not installed.*pip install 'autosft\[export\]'"):
        export_model(predictor, tmp_path / "model.onnx", Onnx(), made.trial.valid)

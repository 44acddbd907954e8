"""What a trial answered on the validation rows is stored, and comes back as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autosft.contracts.document import Sealed, sha256_of, write_json
from autosft.contracts.outputs import OUTPUT_FILES, StoredOutputs
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Row, Rows
from autosft.contracts.state import State
from autosft.errors import BadInput

ROWS = Rows.of(Row(id=f"row-{number}", ref=number) for number in range(5)).take([3, 0, 4])


@pytest.fixture
def stored():
    classes = Outputs({"probabilities": np.array([[0.1, 0.9], [0.7, 0.3], [0.5, 0.5]])})
    texts = Outputs({"lengths": np.array([1, 0, 2])}, ("a", "", "bc"))
    states = State({"classes": ["x", "y"]}, {"thresholds": np.array([0.25, 1 / 3])}), State({"alphabet": "abc"})
    return StoredOutputs(ROWS, (classes, texts), states)


def test_answers_of_every_problem_come_back(stored, tmp_path):
    stored.write(tmp_path)

    again = StoredOutputs.read(tmp_path, ROWS.columns)

    assert list(again.rows.id) == ["row-3", "row-0", "row-4"]
    for one, other in zip(again.outputs, stored.outputs, strict=True):
        assert (one.items, one.arrays.keys()) == (other.items, other.arrays.keys())
        for name, array in one.arrays.items():
            np.testing.assert_allclose(array, other.arrays[name], rtol=1e-6)
    assert [state.digest() for state in again.states] == [state.digest() for state in stored.states]


def test_numbers_take_no_more_than_single_precision(stored, tmp_path):
    stored.write(tmp_path)

    first, second = StoredOutputs.read(tmp_path, ROWS.columns).outputs

    assert first.arrays["probabilities"].dtype == np.float32 and second.arrays["lengths"].dtype == np.int64


@pytest.mark.parametrize("name", OUTPUT_FILES)
@pytest.mark.parametrize("place", [0, 0.5, 0.9])
def test_a_flipped_byte_is_refused(stored, tmp_path, name, place):
    stored.write(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[round(place * (len(content) - 1))] ^= 1
    (tmp_path / name).write_bytes(content)

    with pytest.raises(BadInput, match=name.partition(".")[0]):
        StoredOutputs.read(tmp_path, ROWS.columns)


def test_a_changed_state_is_refused(stored, tmp_path):
    stored.write(tmp_path)
    text = (tmp_path / "outputs.json").read_text()
    (tmp_path / "outputs.json").write_text(text.replace('"y"', '"z"'))
    assert json.loads(text)

    with pytest.raises(BadInput, match=r"outputs\.json: damaged"):
        StoredOutputs.read(tmp_path, ROWS.columns)


def test_answers_to_rows_that_are_not_there_are_refused(stored, tmp_path):
    stored.write(tmp_path)

    with pytest.raises(BadInput, match=r"outputs\.safetensors: answers to other rows"):
        StoredOutputs.read(tmp_path, Rows.of([Row(id="row-0", ref=0)]).columns)


def test_a_missing_file_is_named(stored, tmp_path):
    with pytest.raises(BadInput, match=r"outputs\.json"):
        StoredOutputs.read(tmp_path, ROWS.columns)
    stored.write(tmp_path)
    (tmp_path / "outputs.safetensors").unlink()

    with pytest.raises(BadInput, match=r"outputs\.safetensors: missing"):
        StoredOutputs.read(tmp_path, ROWS.columns)


class Named(Sealed):
    names: frozenset[str]


def test_a_seal_holds_whatever_the_order_in_which_a_set_is_written(tmp_path):
    """Another process may write the same set in another order."""
    path = tmp_path / "named.json"
    for names in (["one", "two", "three"], ["three", "two", "one"]):
        plain = {"files": {}, "digest": "", "names": names}
        write_json(path, {**plain, "digest": sha256_of(json.dumps(plain, sort_keys=True).encode())})

        assert Named.read(path).damage(path) == ""

    Named(names=frozenset(names)).sealed().write(path)
    assert Named.read(path).damage(path) == ""

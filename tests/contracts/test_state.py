"""A state in a document: every number comes back as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest

from autosft.contracts.document import Document
from autosft.contracts.state import State
from autosft.errors import BadInput
from autosft.testing.trials import with_values


class Page(Document):
    state: State = State()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "bool"])
def test_a_state_in_a_document_comes_back_to_the_last_bit(dtype, tmp_path):
    draw = np.random.default_rng(0).normal(size=(3, 2)) * 7
    draw[0, 0] = np.nan if dtype.startswith("float") else 0
    state = State({"side": 20, "names": ["a"]}, {"mean": draw.astype(dtype), "none": np.zeros((0, 4), np.float32)})
    Page(state=state).write(tmp_path / "page.json")
    again = Page.read(tmp_path / "page.json").state
    assert again == state and hash(again) == hash(state) and again.arrays["mean"].dtype == dtype
    assert again != with_values(state, side=21) and again.arrays["none"].shape == (0, 4)


@pytest.mark.parametrize("plain", [{"values": {}}, [], {"values": {}, "arrays": {"a": {"dtype": "O", "shape": [1]}}}])
def test_a_damaged_state_is_named(plain):
    with pytest.raises(BadInput, match="state: no state of a part"):
        Page.parse({"state": plain}, "page.json")


def test_objects_are_never_read(tmp_path):
    plain = {"dtype": "|O", "shape": [1], "base64": "AAAAAAAAAAA="}
    with pytest.raises(BadInput, match="no state of a part"):
        Page.parse(json.loads(json.dumps({"state": {"values": {}, "arrays": {"a": plain}}})), "page.json")

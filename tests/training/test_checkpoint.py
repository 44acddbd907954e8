"""Checkpoints: whole or refused, and never code."""

import pickle

import pytest
import torch

from autosft.errors import BadWeights
from autosft.training.checkpoint import load_checkpoint, save_checkpoint

CONTENT = {"weights": torch.arange(6.0).reshape(2, 3), "epoch": 3, "names": ["a", "b"]}


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code was run",))


def test_what_was_saved_comes_back(tmp_path):
    save_checkpoint(tmp_path / "deep" / "last.pt", CONTENT)
    again = load_checkpoint(tmp_path / "deep" / "last.pt")
    assert torch.equal(again.pop("weights"), CONTENT["weights"])
    assert again == {"epoch": 3, "names": ["a", "b"]}


def test_no_file_is_no_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path / "last.pt") is None


def test_a_newer_checkpoint_replaces_the_older_and_leaves_no_drafts(tmp_path):
    for epoch in (1, 2):
        save_checkpoint(tmp_path / "last.pt", {"epoch": epoch})
    assert load_checkpoint(tmp_path / "last.pt") == {"epoch": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


@pytest.fixture
def saved(tmp_path):
    """A checkpoint's path, and places in it: every byte of its head, some of zip headers and tensors."""
    path = tmp_path / "last.pt"
    save_checkpoint(path, CONTENT)
    size = path.stat().st_size
    return path, sorted({*range(45), *range(45, size, 61), *range(size - 30, size)})


def test_a_file_cut_anywhere_is_refused_by_name(saved):
    path, places = saved
    content = path.read_bytes()
    for place in places:
        path.write_bytes(content[:place])
        with pytest.raises(BadWeights, match=r"last\.pt: damaged"):
            load_checkpoint(path)


def test_a_bit_flipped_anywhere_is_found(saved):
    path, places = saved
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        with pytest.raises(BadWeights, match=r"last\.pt: damaged"):
            load_checkpoint(path)
        content[place] ^= 1 << place % 8
    path.write_bytes(content)
    assert load_checkpoint(path)


def test_a_file_that_the_disk_does_not_give_back_is_refused_by_name(tmp_path):
    (tmp_path / "last.pt").mkdir()
    with pytest.raises(BadWeights, match=r"last\.pt: cannot be read"):
        load_checkpoint(tmp_path / "last.pt")


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "last.pt"
    torch.save(CONTENT, path)
    with pytest.raises(BadWeights):
        load_checkpoint(path)


def test_loading_runs_no_code(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"bomb": Bomb()})
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(path)

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


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_file_cut_short_is_refused_by_name(tmp_path, share):
    path = tmp_path / "last.pt"
    save_checkpoint(path, CONTENT)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadWeights, match=r"last\.pt"):
        load_checkpoint(path)


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

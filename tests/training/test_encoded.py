"""Encoded rows by number: what was put is taken, dense or sparse, wherever their file may lie."""

import numpy as np
import pytest
import torch

from autosft.errors import CannotWrite
from autosft.training.encoded import EncodedRows


@pytest.fixture(params=["a folder", "no folder"])
def kept(request, tmp_path):
    return EncodedRows(100, tmp_path if request.param == "a folder" else None)


def dense(count, seed=0):
    return torch.randn(count, 7, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_are_taken_as_they_were_put_in_any_order(kept, sparse):
    features, more = dense(5), dense(3, 1)
    for numbers, some in (([7, 3, 99, 0, 50], features), ([1, 2, 4], more)):
        kept.put(np.array(numbers), some.to_sparse() if sparse else some)

    taken = kept.take(np.array([4, 99, 7, 99]))

    assert (taken.layout == torch.sparse_csr) == sparse
    taken = taken.to_dense() if sparse else taken
    assert torch.equal(taken, torch.stack([more[2], features[2], features[0], features[2]]))
    assert kept.has(np.array([0, 5, 99])).tolist() == [True, False, True]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(CannotWrite, match="nowhere"):
        EncodedRows(100, tmp_path / "nowhere").put(np.array([1]), dense(1))


def test_a_row_that_is_not_there_is_no_other_row(kept):
    kept.put(np.array([1, 2]), dense(2))
    with pytest.raises(KeyError):
        kept.take(np.array([1, 3]))


def test_half_precision_is_kept_in_single_and_what_is_taken_can_be_changed(kept):
    kept.put(np.array([5]), dense(1).bfloat16())
    taken = kept.take(np.array([5]))
    taken += 1

    assert taken.dtype == torch.float32 and torch.equal(kept.take(np.array([5])), dense(1).bfloat16().float())

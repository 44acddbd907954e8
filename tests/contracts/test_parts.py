"""Batches in parts."""

import itertools

import pytest
import torch

from autosft.contracts.steps import Step
from autosft.contracts.tensors import Batch


def batch(rows):
    return Batch(torch.arange(rows), (), tuple(map(str, range(rows))), torch.ones(rows))


@pytest.mark.parametrize(("rows", "count", "together"), list(itertools.product(range(1, 12), (1, 2, 3, 5), (1, 2, 3))))
def test_parts_are_all_rows_in_order_and_none_has_fewer_than_stay_together(rows, count, together):
    parts = list(batch(rows).parts(count, together=together))

    sizes = [len(part) for part in parts]
    assert torch.cat([part.inputs for part in parts]).tolist() == list(range(rows))
    assert len(sizes) == max(1, min(count, rows // together)) and min(sizes) >= min(rows, together)
    assert all(size % together == 0 for size in sizes[:-1]) and max(sizes) - min(sizes) <= together


def test_every_part_of_a_step_has_rows_of_every_stream():
    step = Step({"few": batch(5), "many": batch(17)})

    parts = list(step.parts(4, together=2))

    assert [[len(part["few"]), len(part["many"])] for part in parts] == [[2, 8], [3, 9]]

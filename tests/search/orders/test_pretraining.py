"""What an encoder is built from that is pretrained: learned of all rows that it sees, and kept for trials that start
from it."""

import pytest
import torch
from denoising import Denoise

from autosft.api import State
from autosft.contracts.executor import Order
from autosft.contracts.recipe import Recipe
from autosft.testing.toy import ToyFamily
from autosft.workers.group import Group
from autosft.workers.runner import TrialRunner


class Counting(ToyFamily):
    """Learns how many rows there are, as another family learns a vocabulary."""

    def fit(self, info, rows, read, weights=None):
        return State({"numbers": len(read(rows[0])), "rows": len(rows)})


@pytest.fixture
def runner(make_run, with_parts, tmp_path):
    registry = with_parts(backbones={"tiny": Counting()}, strategies={"denoise": Denoise()})
    return TrialRunner(make_run(tmp_path / "run"), registry, torch.device("cpu"), Group())


def test_a_pretrained_encoder_is_fitted_to_rows_without_targets_too_and_trials_that_start_from_it_share_that(runner):
    run, start = runner.run, Recipe(backbone="tiny/narrow", strategy="denoise", own={"denoise": {"epochs": 1}})
    plain = Recipe(backbone="tiny/narrow", strategy="toy")
    made = Order(work="pretrain", run=str(run.folder), trial=0, token="a", recipe=start, seconds=None)
    runner.work(made, lambda _: None, lambda: float("inf"))

    def learned(recipe):
        order = Order(run=str(run.folder), trial=1, token="b", recipe=recipe, seconds=None)
        return runner._setup.trial(order).parts.states.backbone.values["rows"]

    assert len(run.data.unlabeled) > 0
    assert learned(plain) == len(run.data.train)
    assert learned(plain.changed(start=start)) == len(run.data.train) + len(run.data.unlabeled)

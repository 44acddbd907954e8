"""The probe's own cross-validation keeps groups whole, so that copies do not talk it into a weak penalty."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autosft.api import Row, Rows
from autosft.builtin.classification import Classification
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_runtime, make_trial, points_task, quick_recipe
from autosft.training.model import build_model
from autosft_strategies.probe import solve_heads


@pytest.fixture
def solved(tmp_path):
    """A function from rows to the length of the probe's solution."""
    task = points_task(make_points(tmp_path / "clouds.points.json", rows=60))
    trial = make_trial(
        tmp_path / "trial", task, registry(Classification()), quick_recipe("probe", backbone="tiny/wide")
    )

    def solve(rows):
        runtime = make_runtime(trial)
        model = build_model(trial.parts, runtime)
        solve_heads(replace(trial, train=rows), runtime, model)
        return float(torch.linalg.vector_norm(model.heads[0].linear.weight.detach()))

    return solve


def copies(group):
    """Five copies each of points whose labels mean nothing."""
    draw = np.random.default_rng(0)
    points, labels = draw.normal(size=(30, 4)).tolist(), draw.choice(list("abc"), 30)
    return Rows.of(
        Row(f"r{n}", points[n // 5], (str(labels[n // 5]),), group=group(n)) for n in draw.permutation(150).tolist()
    )


def test_copies_in_groups_are_not_learned_by_heart_unless_there_is_one_group(solved):
    alone, grouped, one = (solved(copies(group)) for group in (lambda n: "", lambda n: f"g{n // 5}", lambda n: "all"))

    assert grouped < alone / 5 and one == alone

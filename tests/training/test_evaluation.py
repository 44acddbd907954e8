"""The standard error of a score says how much it would vary with other rows, also for scores without a lower bound."""

import numpy as np
import pytest

from autosft.builtin.classification import Classification
from autosft.builtin.regression import Regression
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Row, Rows
from autosft.testing.toy import make_points, registry
from autosft.testing.trials import make_trial, points_task, quick_recipe
from autosft.training.evaluation import Evaluation, score_error


@pytest.fixture
def error_of(tmp_path):
    """A function from a problem, targets and answers to the standard error of its first score."""

    def error(problem, targets, **arrays):
        task = points_task(make_points(tmp_path / "clouds.points.json"), problems=[problem.name])
        trial = make_trial(tmp_path / "trial", task, registry(problem), quick_recipe("toy"))
        rows = Rows.of(Row(f"r{n}", n, (target,)) for n, target in enumerate(targets))
        outputs, state = Outputs(arrays), problem.fit(targets)
        return score_error(trial.parts, Evaluation((outputs,), (state,), 0.0, 0.0), rows)

    return error


def test_the_error_of_an_accuracy_is_that_of_the_binomial_distribution(error_of):
    targets = ["a", "b"] * 100
    right = np.arange(200) % 5 > 0  # four of five
    sure = np.where((np.array(targets) == "a") == right, 0.9, 0.1)
    error = error_of(Classification(), targets, probabilities=np.stack([sure, 1 - sure], axis=1))
    assert error == pytest.approx((0.8 * 0.2 / 200) ** 0.5, rel=0.2)


def test_a_draw_of_rows_that_are_nearly_alike_does_not_carry_an_r2_away(error_of):
    targets = [1e-6 * n for n in range(36)] + [100.0, 120.0, 150.0, 90.0]
    error = error_of(Regression(), targets, values=np.array(targets)[:, None] + 1.0)
    assert 0 < error < 0.1  # a draw of small numbers alone, one in 70, has an R² of minus ten billion

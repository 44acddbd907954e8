"""What every metric of a plugin promises."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from autosft.contracts.metric import Metric
from autosft.contracts.problem import Problem
from autosft.host.loading import load
from autosft.testing.conformance.asked import AnyProblem, Asked, check_score
from autosft.testing.trials import targets_for


class MetricConformance(AnyProblem):
    """Checks that a metric has a finite score within its range for every draw of rows, whatever their order.

    A subclass gives the fixture `metric`; `problem`, the problem whose answers it scores, where that is not installed;
    and `targets` of that problem, where they are none of the usual ones.

    A check that fails names what a search or a bootstrap asks of a metric and does not get.
    """

    @pytest.fixture
    def metric(self) -> Metric:
        """The metric to test."""
        raise NotImplementedError("define the fixture `metric`")

    @pytest.fixture
    def problem(self, metric: Metric) -> Problem:
        """The problem whose answers it scores; by default the installed one that it names."""
        problems = load().problems
        if metric.problem not in problems:
            pytest.skip(f"no installed plugin offers the problem {metric.problem!r}; define `problem`")
        return problems[metric.problem]

    @pytest.fixture
    def targets(self, problem: Problem) -> Sequence[Any]:
        """Targets of the problem, as written; by default the first of the usual ones that it takes."""
        targets = targets_for(problem)
        if targets is None:
            pytest.skip("its targets are none of the usual ones; define `targets`")
        return targets

    @pytest.fixture
    def scored(self, metric: Metric, asked: Asked) -> Asked:
        """The problem, which has the metric, on rows."""
        problem = asked.problem
        return asked.of(problem if metric.name in problem.metrics else problem.with_metrics([metric]))

    def test_it_says_what_it_is_in_one_line(self, metric: Metric, problem: Problem) -> None:
        assert metric.problem == problem.name
        assert metric.about and "\n" not in metric.about and not metric.about.endswith(".")

    def test_its_scores_are_within_its_range(self, metric: Metric, scored: Asked) -> None:
        check_score(
            metric, scored.problem.score(metric.name, scored.answers(scored.batch), scored.targets, scored.state)
        )

    def test_every_draw_of_rows_has_a_score(self, metric: Metric, scored: Asked) -> None:
        scored.check_draws(metric.name)

    def test_the_order_of_rows_means_nothing(self, metric: Metric, scored: Asked) -> None:
        answers, back = scored.answers(scored.batch), np.arange(len(scored.targets))[::-1]
        before = scored.problem.score(metric.name, answers, scored.targets, scored.state)
        after = scored.problem.score(metric.name, answers.take(back), list(scored.targets)[::-1], scored.state)
        assert after == pytest.approx(before)

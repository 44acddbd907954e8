"""What every problem promises."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.tensors import Batch, Encoder, Model
from autosft.errors import BadInput
from autosft.testing.conformance.promises import check_light, check_plain, check_state

RECIPE = Recipe(backbone="any/any", strategy="any")
WIDTH = 16
SHAPES = {"pooled": (WIDTH,), "tokens": (8, WIDTH), "maps": (WIDTH, 4, 4), "logits": (8, WIDTH)}
STEPS = 300
"""So many steps of Adam make a problem's own loss small on a handful of rows."""


class _Given(Encoder):
    """An encoder that gives what it is given."""

    widths = dict.fromkeys(SHAPES, WIDTH)

    def forward(self, inputs: Any) -> Mapping[str, Tensor]:
        return inputs


class ProblemConformance:
    """Needs the fixtures `problem` and `targets`; `encoded` where a head must be given other shapes."""

    @pytest.fixture
    def problem(self) -> Problem:
        """The problem to test."""
        raise NotImplementedError("define the fixture `problem`")

    @pytest.fixture
    def targets(self) -> Sequence[Any]:
        """Six or more targets as written, not all alike."""
        raise NotImplementedError("define the fixture `targets`")

    @pytest.fixture
    def encoded(self, problem: Problem, targets: Sequence[Any]) -> dict[str, Tensor]:
        """What an encoder might have made of the rows."""
        torch.manual_seed(0)
        return {key: torch.randn(len(targets), *SHAPES[key]) for key in sorted(problem.needs)}

    @pytest.fixture
    def model(self, problem: Problem, targets: Sequence[Any]) -> Model:
        """A fresh head."""
        torch.manual_seed(0)
        return Model(_Given(), [problem.head(_Given.widths, problem.fit(targets), RECIPE)]).eval()

    def test_it_has_a_name_needs_and_metrics(self, problem: Problem) -> None:
        assert problem.name and problem.needs and set(problem.needs) <= set(SHAPES)
        assert problem.metrics and len(set(problem.metrics)) == len(problem.metrics)

    def test_offering_it_imports_nothing_heavy(self, problem: Problem) -> None:
        check_light(problem)

    def test_what_it_learned_can_be_saved(self, problem: Problem, targets: Sequence[Any]) -> None:
        check_state(problem.fit(targets))
        strata = problem.strata(targets)
        assert strata is None or len(strata) == len(targets)

    def test_each_row_has_a_loss_of_its_own(
        self, problem: Problem, targets: Sequence[Any], encoded: dict[str, Tensor], model: Model
    ) -> None:
        batch = _batch(problem, targets, encoded)
        whole = _losses(problem, targets, model, batch)
        parts = [_losses(problem, targets, model, part) for part in batch.split(2)]
        assert whole.shape == (len(targets),) and torch.isfinite(whole).all()
        torch.testing.assert_close(torch.cat(parts), whole, msg="the loss of a row depends on its batch")

    def test_answers_come_row_by_row(
        self, problem: Problem, targets: Sequence[Any], encoded: dict[str, Tensor], model: Model
    ) -> None:
        batch = _batch(problem, targets, encoded)
        whole = _answers(problem, targets, model, batch)
        joined = Outputs.concat([_answers(problem, targets, model, part) for part in batch.split(4)])
        assert whole.rows == joined.rows == batch.rows
        assert whole.arrays or whole.items
        assert all(len(array) == len(targets) for array in joined.arrays.values())
        assert len(joined.items) in (0, len(targets))
        check_plain(joined.items)

    def test_answers_are_decided_and_scored(
        self, problem: Problem, targets: Sequence[Any], encoded: dict[str, Tensor], model: Model
    ) -> None:
        answers = _answers(problem, targets, model, _batch(problem, targets, encoded))
        state = problem.tune(answers, targets, problem.fit(targets))
        check_state(state)
        decided = problem.decide(answers, state)
        assert len(decided) == len(targets)
        check_plain(list(decided))
        for metric in problem.metrics:
            score = problem.score(metric, answers, targets, state)
            assert math.isfinite(score) and score <= problem.highest(metric)

    def test_an_ensemble_of_equals_answers_as_one(
        self, problem: Problem, targets: Sequence[Any], encoded: dict[str, Tensor], model: Model
    ) -> None:
        answers = _answers(problem, targets, model, _batch(problem, targets, encoded))
        state = problem.fit(targets)
        alone = problem.combine([answers], [1.0])
        assert problem.decide(alone, state) == problem.decide(answers, state)
        try:
            both = problem.combine([answers, answers], [0.5, 0.5])
        except BadInput:
            return  # an ensemble of such answers has no meaning, and the problem says so
        assert both.rows == answers.rows and problem.decide(both, state) == problem.decide(answers, state)

    def test_a_lower_loss_is_a_higher_score(
        self, problem: Problem, targets: Sequence[Any], encoded: dict[str, Tensor], model: Model
    ) -> None:
        batch = _batch(problem, targets, encoded)
        before = _score(problem, targets, model, batch)
        free = [value.requires_grad_() for value in encoded.values()]
        optimizer = torch.optim.Adam([*free, *model.heads.parameters()], lr=0.05)
        for _ in range(STEPS):
            optimizer.zero_grad()
            _losses(problem, targets, model, batch).mean().backward()
            optimizer.step()
        after = _score(problem, targets, model, batch)
        assert after > before, f"{problem.metrics[0]} went from {before} to {after} while the loss fell"


def _batch(problem: Problem, targets: Sequence[Any], encoded: dict[str, Tensor]) -> Batch:
    rows = tuple(f"row-{number}" for number in range(len(targets)))
    return Batch(encoded, (problem.encode(targets, problem.fit(targets)),), rows, torch.ones(len(rows)))


def _losses(problem: Problem, targets: Sequence[Any], model: Model, batch: Batch) -> Tensor:
    return problem.loss(model(batch.inputs)[0], batch.targets[0], problem.fit(targets), RECIPE)


def _answers(problem: Problem, targets: Sequence[Any], model: Model, batch: Batch) -> Outputs:
    with torch.inference_mode():
        return problem.outputs(model(batch.inputs)[0], batch, problem.fit(targets), model)


def _score(problem: Problem, targets: Sequence[Any], model: Model, batch: Batch) -> float:
    answers = _answers(problem, targets, model, batch)
    state = problem.tune(answers, targets, problem.fit(targets))
    return problem.score(problem.metrics[0], answers, targets, state)

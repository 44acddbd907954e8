"""`Asked`: a problem on a few rows, with a head over random features. `AnyProblem`: the fixtures that make it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from autosft.contracts.metric import Metric
from autosft.contracts.modality import Sample
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import Recipe
from autosft.contracts.state import State
from autosft.contracts.tensors import Batch, Encoder, Model
from autosft.testing.conformance.promises import Offline
from autosft.testing.trials import usual_recipe

WIDTH = 16
SHAPES = {"pooled": (WIDTH,), "tokens": (8, WIDTH), "maps": (WIDTH, 4, 4), "logits": (8, WIDTH)}
"""What an encoder of width 16 gives of a row."""

ROUNDING = 1e-6


class Identity(Encoder):
    """An encoder that gives what it is given."""

    widths = dict.fromkeys(SHAPES, WIDTH)

    def forward(self, inputs: Any) -> Mapping[str, Tensor]:
        """The inputs."""
        return inputs


@dataclass(frozen=True)
class Asked:
    """A problem, rows, and a model that answers it."""

    problem: Problem
    targets: Sequence[Any]
    state: State
    recipe: Recipe
    model: Model
    batch: Batch

    def of(self, problem: Problem) -> Asked:
        """The same rows, asked by a problem that differs only in its metrics."""
        return replace(self, problem=problem)

    def losses(self, batch: Batch) -> Tensor:
        """Of a batch of these rows, or of a part of it."""
        return self.problem.loss(self.model(batch)[0], batch.targets[0], self.state, self.recipe)

    def answers(self, batch: Batch) -> Outputs:
        """What the model answers, without targets."""
        with torch.inference_mode():
            bare = batch.without_targets()
            return self.problem.outputs(self.model(bare)[0], bare, self.state, self.recipe, self.model)

    def validation_loss(self) -> npt.NDArray[np.float64] | None:
        """How far the answers are from the targets, if there is such a thing."""
        return self.problem.validation_loss(self.answers(self.batch), self.targets, self.state)

    def score(self) -> float:
        """By the default metric, tuned on these rows."""
        answers = self.answers(self.batch)
        state = self.problem.tune(self.problem.metric("").name, answers, self.targets, self.state)
        return self.problem.score("", answers, self.targets, state)

    def check_draws(self, metric: str) -> None:
        """The score of every draw of rows that a bootstrap may make: one row alone, and one row again and again."""
        answers = self.answers(self.batch)
        state = self.problem.tune(metric, answers, self.targets, self.state)
        for row, target in enumerate(self.targets):
            for count in (1, 3):
                score = self.problem.score(metric, answers.take(np.full(count, row)), [target] * count, state)
                check_score(self.problem.metric(metric), score)


def check_score(metric: Metric, score: float) -> None:
    """The score is a number within the metric's range, but for rounding."""
    assert math.isfinite(score), f"{metric.name} is {score}"
    given = score if metric.greater_is_better else -score
    low, high = metric.range
    assert low - ROUNDING <= given <= high + ROUNDING, f"{metric.name} gave {given}, beyond its range"


class AnyProblem(Offline):
    """The fixtures of `ProblemConformance`; a subclass gives the first two."""

    @pytest.fixture
    def problem(self) -> Problem:
        """The problem to test."""
        raise NotImplementedError("define the fixture `problem`")

    @pytest.fixture
    def targets(self) -> Sequence[Any]:
        """Six or more targets as written, not all alike, in plain JSON or tuples of it."""
        raise NotImplementedError("define the fixture `targets`")

    @pytest.fixture
    def encoded(self, problem: Problem, targets: Sequence[Any]) -> dict[str, Tensor]:
        """What an encoder might have made of the rows; by default random numbers of width 16."""
        torch.manual_seed(0)
        return {key: torch.randn(len(targets), *SHAPES[key]) for key in sorted(problem.needs)}

    @pytest.fixture
    def sample(self) -> Sample:
        """What every target is of, where `wrap` asks for it; its `meta` is also how it was seen, where answers are
        mapped back."""
        return Sample(None)

    @pytest.fixture
    def recipe(self, problem: Problem) -> Recipe:
        """What the problem is trained with; by default the defaults, also of its `space`."""
        return usual_recipe("any/any", problem.name, problem.space)

    @pytest.fixture
    def asked(
        self, problem: Problem, targets: Sequence[Any], encoded: dict[str, Tensor], recipe: Recipe, sample: Sample
    ) -> Asked:
        """The problem on these rows, with a head that has moved from its first weights; made of the other fixtures."""
        torch.manual_seed(0)
        state = problem.fit(targets)
        model = Model(Identity(), [problem.head(Identity.widths, state, recipe)]).eval()
        with torch.no_grad():
            for parameter in model.heads.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        rows = tuple(f"row-{number}" for number in range(len(targets)))
        wrapped = [problem.wrap(target, sample.data, sample.meta) for target in targets]
        batch = Batch(
            encoded, (problem.encode(wrapped, state),), rows, torch.ones(len(rows)), meta=(sample.meta,) * len(rows)
        )
        return Asked(problem, targets, state, recipe, model, batch)

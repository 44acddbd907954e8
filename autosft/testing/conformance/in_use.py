"""What a search, a report and a predictor rely on in a problem beside its loss: a part of `ProblemConformance`."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autosft.contracts.modality import Sample
from autosft.contracts.outputs import StoredOutputs
from autosft.contracts.problem import Problem
from autosft.contracts.rows import Row, Rows
from autosft.contracts.strategy import Strategy
from autosft.contracts.tensors import Batch, LinearHead, Model
from autosft.errors import BadInput
from autosft.testing.conformance.asked import AnyProblem, Asked, Identity
from autosft.testing.conformance.pairs import check_pair, trainers
from autosft.testing.conformance.promises import leaves, same
from autosft.testing.conformance.views import sent
from autosft.testing.trials import pair_trial


class ProblemInUse(AnyProblem):
    """Checks that heads can be fitted, answers stored, classes named, and that strategies can train; fails where a
    search would end in an error, or a report without figures. Its fixtures are those of `ProblemConformance`."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A check for each installed strategy that leaves a model."""
        if "trainer" in metafunc.fixturenames:
            found = trainers()
            metafunc.parametrize("trainer", list(found.values()), ids=list(found))

    def test_a_head_of_pooled_features_is_linear(self, asked: Asked) -> None:
        """So that it can be fitted on frozen features."""
        problem = asked.problem
        if problem.needs != {"pooled"} or problem.offers("wrap") or not problem.loss_per_row:
            pytest.skip("it needs more than pooled features, or moves its targets, or has one loss for a batch")
        assert isinstance(asked.model.heads[0], LinearHead), "a head that needs just pooled features is a LinearHead"

    def test_processes_that_load_batches_have_a_copy_of_it(self, asked: Asked, sample: Sample) -> None:
        """Where rows take long to read, processes put their targets into tensors too."""
        problem = sent(asked.problem)
        wrapped = [problem.wrap(target, sample.data, sample.meta) for target in asked.targets]
        again = Batch(None, (problem.encode(wrapped, asked.state),), asked.batch.rows, asked.batch.weights)
        for one, other in zip(leaves(again.targets), leaves(asked.batch.targets), strict=True):
            assert same(one, other), "its copy makes other tensors of the targets"

    def test_means_of_its_targets_are_raw_outputs_if_it_says_so(self, asked: Asked) -> None:
        if not asked.problem.averages_targets:
            pytest.skip("it does not say so")
        head, targets = asked.model.heads[0], asked.batch.targets[0]
        assert isinstance(head, LinearHead) and isinstance(targets, Tensor)
        outputs, rows = head.linear.out_features, len(asked.targets)
        if targets.ndim == 1:
            assert targets.dtype == torch.int64, f"class numbers are of the type int64, not {targets.dtype}"
            assert targets.min() >= -1 and targets.max() < outputs, "there is a class number without an output"
        else:
            assert targets.is_floating_point() and targets.shape == (rows, outputs)

    def test_classes_are_those_of_its_answers(self, asked: Asked) -> None:
        """And numbers under the name of values are in the unit of its targets."""
        problem, answers = asked.problem, asked.answers(asked.batch)
        if classes := problem.classes(asked.state):
            assert all(isinstance(name, str) and isinstance(count, int) for name, count in classes.items())
            shape = answers.arrays["probabilities"].shape
            assert shape == (len(asked.targets), len(classes)), f"probabilities have the shape {shape}"
            tuned = problem.tune(problem.metric("").name, answers, asked.targets, asked.state)
            assert problem.classes(tuned) == classes, "what it tunes changes its classes"
            for said in problem.decide(answers, asked.state):
                given = {said} if isinstance(said, str) else set(said)
                assert given <= set(classes), f"it answers {said!r}, and its classes are {list(classes)}"
        if "values" in answers.arrays:
            values = answers.arrays["values"]
            np.array(asked.targets, dtype=np.float64).reshape(values.shape)

    def test_stored_answers_are_decided_and_scored_alike(self, asked: Asked, tmp_path: Path) -> None:
        """They are stored in single precision."""
        rows = Rows.of(Row(f"row-{number}", None, (target,)) for number, target in enumerate(asked.targets))
        problem, answers = asked.problem, asked.answers(asked.batch)
        StoredOutputs(rows, (answers,), (asked.state,)).write(tmp_path)
        stored = StoredOutputs.read(tmp_path, rows.columns)
        (again,), (state,) = stored.outputs, stored.states
        for metric in problem.metrics:
            before, after = (problem.score(metric, one, asked.targets, state) for one in (answers, again))
            assert after == pytest.approx(before, rel=1e-3, abs=1e-3), f"{metric} is {before}, and stored {after}"
        assert len(problem.decide(again, state)) == len(asked.targets)

    def test_rows_may_have_targets_that_no_training_row_has(self, asked: Asked) -> None:
        """Validation rows may: such an answer is wrong, and the score is finite."""
        problem, targets = asked.problem, asked.targets
        rare = targets[-1]
        learned = [target for target in targets if target != rare]
        try:
            state = problem.fit(learned)
        except BadInput:
            pytest.skip("without one of its targets there is no problem")
        model = Model(Identity(), [problem.head(Identity.widths, state, asked.recipe)]).eval()
        seen = replace(asked, state=state, model=model)
        answers = seen.answers(asked.batch)
        for metric in problem.metrics:
            assert math.isfinite(problem.score(metric, answers, targets, problem.tune(metric, answers, targets, state)))
        far = problem.validation_loss(answers, targets, state)
        assert far is None or np.isfinite(far).all(), (
            "the validation loss of a target that was not learned is not finite"
        )

    def test_a_strategy_trains_it(
        self, problem: Problem, targets: Sequence[Any], trainer: Strategy, tmp_path: Path
    ) -> None:
        """On points, with its defaults; the model answers, is saved, and answers the same when it is loaded."""
        if problem.offers("wrap"):
            pytest.skip("it puts targets into terms of samples; `autosft plugins try` trains it on real data")
        trial, reason = pair_trial(tmp_path, problem, targets, trainer)
        if trial is None:
            pytest.skip(f"{trainer.name} declines: {reason}")
        check_pair(trial, trainer, tmp_path / "stored")

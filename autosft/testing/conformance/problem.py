"""What every problem promises: `ProblemConformance`."""

# ruff: noqa: D102 (the name of a test is its docstring)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autosft.contracts.modality import Sample
from autosft.contracts.problem import Outputs, Problem
from autosft.contracts.recipe import SHARED, Regular
from autosft.errors import BadInput
from autosft.testing.conformance.asked import SHAPES, Asked, check_score
from autosft.testing.conformance.in_use import ProblemInUse
from autosft.testing.conformance.promises import check_light, check_plain, check_state

STEPS = 300
"""So many steps of Adam make a problem's own loss small on a handful of rows."""


class ProblemConformance(ProblemInUse):
    """Checks that a problem turns targets into a loss that can be trained, and a head's output into answers that can be
    stored, decided and scored, and that every installed strategy which accepts it trains it.

    A subclass gives the fixtures `problem` and `targets`; `encoded` where a head must be given other shapes, `sample`
    where it has a `wrap`, and `recipe` for other values of its `space` than the defaults: every choice of losses must
    pass.

    A check that fails names what a search, a report or a predictor asks of it and does not get.
    """

    def test_it_has_a_name_needs_and_metrics(self, problem: Problem) -> None:
        assert problem.name and problem.needs and set(problem.needs) <= set(SHAPES)
        assert problem.metrics
        for name, metric in problem.metrics.items():
            assert (metric.name, metric.problem) == (name, problem.name)

    def test_offering_it_imports_nothing_heavy(self, problem: Problem) -> None:
        check_light(problem)

    def test_what_it_learned_can_be_saved(self, problem: Problem, targets: Sequence[Any]) -> None:
        check_state(problem.fit(targets))
        strata = problem.strata(targets)
        assert strata is None or (len(strata) == len(targets) and set(strata)), "a stratum for each row, hashable"
        assert isinstance(problem.describe(problem.fit(targets)), str)

    def test_answers_are_the_same_by_whoever_loads_what_was_learned(self, asked: Asked) -> None:
        """And by whoever learns it again from the same targets."""
        assert asked.state == asked.problem.fit(asked.targets)
        loaded = replace(asked, state=check_state(asked.state))
        before, after = asked.answers(asked.batch), loaded.answers(asked.batch)
        assert all(np.array_equal(before.arrays[name], after.arrays[name]) for name in before.arrays)
        assert asked.problem.decide(before, asked.state) == asked.problem.decide(after, loaded.state)

    def test_each_row_has_a_loss_of_its_own_or_parts_add_up_to_that_of_a_batch(self, asked: Asked) -> None:
        whole = asked.losses(asked.batch)
        parts = [asked.losses(part) for part in asked.batch.split(2)]
        if not asked.problem.loss_per_row:
            assert whole.shape == () and asked.problem.normalizer(asked.batch.targets[0]) >= 1
            torch.testing.assert_close(torch.stack(parts).sum(), whole, msg="the losses of parts do not add up")
            assert {"regular.mixup", "regular.cutmix", "regular.balance"} <= asked.problem.ignores
            return
        assert whole.shape == (len(asked.targets),) and torch.isfinite(whole).all()
        torch.testing.assert_close(torch.cat(parts), whole, msg="the loss of a row depends on its batch")

    def test_what_it_ignores_changes_no_loss(self, asked: Asked) -> None:
        assert asked.problem.ignores <= set(SHARED)

        def losses(regular: Regular) -> Tensor:
            return replace(asked, recipe=asked.recipe.changed(regular=regular)).losses(asked.batch)

        for name, regular in (("label_smoothing", Regular(label_smoothing=0.2)), ("balance", Regular(balance="loss"))):
            same = torch.equal(losses(regular), losses(Regular()))
            assert same == (f"regular.{name}" in asked.problem.ignores), name
        for metric in asked.problem.metrics:
            assert asked.problem.ignores <= asked.problem.ignores_for(metric) <= set(SHARED)

    def test_rows_are_drawn_in_balance_where_balance_means_something(self, asked: Asked) -> None:
        sampling_weights = asked.problem.sampling_weights(asked.targets, asked.state)
        assert (sampling_weights is None) == ("regular.balance" in asked.problem.ignores)
        assert sampling_weights is None or (
            sampling_weights.shape == (len(asked.targets),) and (sampling_weights > 0).all()
        )

    def test_answers_come_row_by_row(self, asked: Asked) -> None:
        whole = asked.answers(asked.batch)
        joined = Outputs.concat([asked.answers(part) for part in asked.batch.split(4)])
        assert whole.arrays or whole.items
        assert whole.items == joined.items and list(whole.arrays) == list(joined.arrays)
        for name, array in whole.arrays.items():
            np.testing.assert_allclose(joined.arrays[name], array, rtol=1e-4, atol=1e-5)
        assert all(len(array) == len(asked.targets) for array in joined.arrays.values())
        assert len(joined.items) in (0, len(asked.targets))
        check_plain(joined.items)

    def test_answers_of_a_graph_are_the_same(self, asked: Asked) -> None:
        try:
            with torch.inference_mode():
                tensors = asked.problem.tensors(
                    asked.model(asked.batch.without_targets())[0], asked.state, asked.recipe
                )
        except BadInput:
            return  # its answers cannot be computed in a graph, and the problem says so
        arrays = asked.answers(asked.batch).arrays
        assert list(tensors) == list(arrays)
        assert all(np.array_equal(tensor.numpy(), arrays[name]) for name, tensor in tensors.items())

    def test_answers_are_decided_and_scored(self, asked: Asked) -> None:
        problem, targets, answers = asked.problem, asked.targets, asked.answers(asked.batch)
        for name, metric in problem.metrics.items():
            state = problem.tune(name, answers, targets, asked.state)
            check_state(state)
            decided = problem.decide(answers, state)
            assert len(decided) == len(targets)
            check_plain(list(decided))
            check_score(metric, problem.score(name, answers, targets, state))

    def test_every_draw_of_rows_has_a_score(self, asked: Asked) -> None:
        for metric in asked.problem.metrics:
            asked.check_draws(metric)

    def test_an_ensemble_of_equals_answers_as_one(self, asked: Asked) -> None:
        problem, state, answers = asked.problem, asked.state, asked.answers(asked.batch)
        single = problem.combine([answers], [1.0])
        assert problem.decide(single, state) == problem.decide(answers, state)
        try:
            both = problem.combine([answers, answers], [0.5, 0.5])
        except BadInput:
            return  # an ensemble of such answers has no meaning, and the problem says so
        assert problem.decide(both, state) == problem.decide(answers, state)

    def test_what_it_offers_to_those_who_are_taught_keeps_to_what_was_answered(
        self, asked: Asked, sample: Sample
    ) -> None:
        problem, answers = asked.problem, asked.answers(asked.batch)
        if not problem.offers("pseudo_labels"):
            with pytest.raises(BadInput):
                problem.pseudo_labels(answers, asked.state)
            return
        labels, sureness = problem.pseudo_labels(answers, asked.state)
        assert len(labels) == len(asked.targets) and sureness.shape == (len(asked.targets),)
        assert ((sureness >= 0) & (sureness <= 1)).all()
        problem.encode([problem.wrap(label, sample.data, sample.meta) for label in labels], asked.state)
        scores = [problem.score("", answers, some, asked.state) for some in (labels, asked.targets)]
        assert scores[0] >= scores[1], "the targets fit the answers better than the labels that were made of them"

    @pytest.mark.parametrize("temperature", [1.0, 4.0])
    def test_a_student_is_nearest_to_its_teacher_where_it_answers_the_same(
        self, asked: Asked, temperature: float
    ) -> None:
        problem, batch = asked.problem, asked.batch.without_targets()
        answers = {name: torch.as_tensor(array) for name, array in asked.answers(batch).arrays.items()}

        def far(answers: Mapping[str, Tensor]) -> Tensor:
            return problem.distillation_loss(asked.model(batch)[0], answers, asked.state, asked.recipe, temperature)

        if not problem.offers("distillation_loss"):
            with pytest.raises(BadInput):
                far(answers)
            return
        same, other = far(answers), far({name: array.roll(1, 0) for name, array in answers.items()})
        assert same.shape == (len(asked.targets),) and torch.isfinite(same).all() and (same < 1e-4).all()
        assert other.mean() > same.mean() and other.mean().requires_grad

    def test_a_lower_loss_is_a_higher_score(self, asked: Asked) -> None:
        before, far = asked.score(), asked.validation_loss()
        free = [value.requires_grad_() for value in asked.batch.inputs.values()]
        optimizer = torch.optim.Adam([*free, *asked.model.heads.parameters()], lr=0.05)
        for _ in range(STEPS):
            optimizer.zero_grad()
            asked.losses(asked.batch).mean().backward()
            optimizer.step()
        after = asked.score()
        assert after > before, f"{asked.problem.metric('').name} went from {before} to {after} while the loss fell"
        nearer = asked.validation_loss()
        if far is None or nearer is None:
            assert far is nearer is None, "it has a validation loss of some answers, and of others none"
            return
        assert np.isfinite(far).all() and far.shape == (len(asked.targets),)
        assert nearer.mean() < far.mean(), "the validation loss rose while the loss fell"
